"""Measures everything in one run, and puts the tables together."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import httpx

from bench.delays import import_beside_writes, publish_to_drawn_delays
from bench.load import (
    PORT,
    Load,
    Server,
    Work,
    load,
    middle,
    private_megabytes,
    serving,
    settle,
    share,
)
from bench.prepared import KEY, PreparedBank, prepare_bank, prepare_textbook
from bench.report import Report, percentile
from bench.search import index_build_seconds, measure_search
from bench.works import request_paths

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1000,100000,1000000").split(",")]
MIDDLE = 100_000
SERVES = "/v1/questions?limit=1"
ALL_BODIES_MB = "2000"
HEADERS = {"Authorization": f"Bearer {KEY}"}
UNFILTERED = "draw 10, unfiltered"
TARGETS = {
    UNFILTERED: 0.40,
    "draw 10, rotating filters": 0.40,
    "draw 10, seeded, rotating filters": 0.25,
    "draw 10, every seed new, rotating filters": 0.25,
    "draw 10, every seed new, worst filter": 0.10,
    "one by id": 0.40,
    "page of 20": 0.40,
}
HEAD = ("requests/s", "p50 ms", "p99 ms", "CPU µs", "bytes", "of bare", "target")

# How much slower the largest bank may be.
BUDGETS = {"all bodies in the budget": 0.20, "default budget (256 MB)": 0.35}
TIMES = 300
READY_SECONDS = 5.0
PRIVATE_MB = 500


def main() -> None:
    """Measure everything."""
    if shutil.which("wrk") is None:
        sys.exit("bench: wrk is needed (on Debian: apt-get install wrk)")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="quizwell-bench-") as name:
        folder = Path(name)
        banks = [prepare_bank(folder / str(size), size) for size in SIZES]
        for bank in banks:
            if bank.count <= MIDDLE:
                index_build_seconds(bank.folder)
        chosen = next((bank for bank in banks if bank.count == MIDDLE), banks[-1])
        for bank in banks:
            _quizwell(report, bank, folder)
        _textbook(report, chosen, folder)
        if banks[-1] is not chosen:
            _larger(report, chosen, banks[-1], folder)
        _writing(report, chosen, folder)
        for bank in banks:
            shutil.rmtree(bank.folder)
        measure_search(report, folder)


def _size(server: Server, paths: list[str]) -> int:
    """Return how many bytes an answer has, on average."""
    some = paths[:50]
    return sum(len(httpx.get(server.url + path, headers=HEADERS).content) for path in some) // len(
        some
    )


def _quizwell(report: Report, bank: PreparedBank, folder: Path) -> None:
    rows: list[tuple[str, ...]] = []
    failed = 0
    with serving("app.main:create_app", SERVES, bank.environment) as server:
        before = private_megabytes(server.pid)
        ahead = settle(server)
        for work, paths in request_paths(bank).items():
            constant = {"BENCH_BYTES": str(_size(server, paths))}
            with (
                serving("bench.bare:app", "/", constant, PORT + 1) as plain,
                serving("bench.framework:app", "/", constant, PORT + 2) as routed,
            ):
                asked = [Work(server, paths, KEY), Work(plain, ["/"]), Work(routed, ["/"])]
                ours, bare, framework = load(asked, folder)
            part, target = share(ours, bare), TARGETS[work]
            # For a larger bank the target is how much slower it may be than this one.
            verdict = _verdict(part >= target, f"{target:.0%}") if bank.count == MIDDLE else ""
            rows += [
                (work, *_cells(middle(ours)), f"{part:.1%}", verdict),
                ("— bare uvicorn, as many bytes", *_cells(middle(bare)), "", ""),
                (
                    "— FastAPI, as many bytes",
                    *_cells(middle(framework)),
                    f"{share(framework, bare):.1%}",
                    "",
                ),
            ]
            failed += sum(found.failed for found in ours)
        after = private_megabytes(server.pid)
    report.table(f"{bank.count:,} questions", ("", *HEAD), rows)
    ready = _verdict(server.ready_seconds < READY_SECONDS, f"{READY_SECONDS:.0f} s")
    small = _verdict(after < PRIVATE_MB, f"{PRIVATE_MB} MB")
    report.text(
        f"Imported at {bank.import_rate:,.0f} questions a second; ready after "
        f"{server.ready_seconds:.1f} s ({ready}), with bodies read ahead {ahead:.0f} s later; "
        f"private memory {before:.0f} MB when ready, {after:.0f} MB after the load ({small}). "
        f"Refused or failed: {failed}."
    )


def _cells(found: Load) -> tuple[str, ...]:
    return (
        f"{found.rate:,.0f}",
        f"{found.p50:.2f}",
        f"{found.p99:.2f}",
        f"{found.cpu:.0f}",
        f"{found.size:,.0f}",
    )


def _textbook(report: Report, bank: PreparedBank, folder: Path) -> None:
    path = folder / "textbook.db"
    prepare_textbook(path, bank.count)
    database = {"BENCH_DATABASE": str(path)}
    asked = {
        UNFILTERED: "/questions/random?count=10",
        "draw 10, rotating filters": "/questions/random?count=10&difficulty=easy",
    }
    rows = []
    with (
        serving("app.main:create_app", SERVES, bank.environment) as server,
        serving("bench.textbook:app", "/docs", database, PORT + 1) as other,
    ):
        settle(server)
        for work, address in asked.items():
            paths = request_paths(bank)[work]
            constant = {"BENCH_BYTES": str(_size(server, paths))}
            with serving("bench.bare:app", "/", constant, PORT + 2) as plain:
                three = [Work(server, paths, KEY), Work(other, [address]), Work(plain, ["/"])]
                ours, textbook, bare = load(three, folder)
            times = share(ours, textbook)
            verdict = _verdict(times >= TIMES, f"{TIMES} times") if work == UNFILTERED else ""
            most = f"{share(bare, textbook):,.0f}"
            rows += [
                (f"{work}: textbook", *_cells(middle(textbook)), "", ""),
                (f"{work}: Quizwell", *_cells(middle(ours)), f"{times:,.0f}", verdict),
                ("— bare uvicorn, as many bytes", *_cells(middle(bare)), most, ""),
            ]
    title = f"Beside FastAPI + SQLModel + ORDER BY random(), {bank.count:,} questions"
    head = ("", "requests/s", "p50 ms", "p99 ms", "CPU µs", "bytes", "times", "target")
    report.table(title, head, rows)
    report.text(
        "The textbook's filter is one indexed difficulty; it answers with one table's rows. The "
        "target is of the draw over the whole table. Where an index leaves a third of it, what "
        "bare uvicorn reaches shows how much there is to reach."
    )


def _larger(report: Report, bank: PreparedBank, largest: PreparedBank, folder: Path) -> None:
    held = largest.environment | {"QUIZWELL_BODY_BUDGET_MB": ALL_BODIES_MB}
    rows = []
    with (
        serving("app.main:create_app", SERVES, bank.environment) as base,
        serving("app.main:create_app", SERVES, held, PORT + 1) as all_held,
        serving("app.main:create_app", SERVES, largest.environment, PORT + 2) as default,
    ):
        for server in (base, all_held, default):
            settle(server)
        asked = request_paths(largest)
        for work, paths in request_paths(bank).items():
            servers = [Work(base, paths, KEY)]
            servers += [Work(server, asked[work], KEY) for server in (all_held, default)]
            first, *others = load(servers, folder)
            for (name, most), found in zip(BUDGETS.items(), others, strict=True):
                slower = 1 - share(found, first)
                verdict = _verdict(slower <= most, f"{most:.0%}")
                rates = (f"{middle(each).rate:,.0f}" for each in (first, found))
                rows.append((f"{work}: {name}", *rates, f"{slower:.1%}", verdict))
    title = f"{largest.count:,} questions beside {bank.count:,}, requests/s"
    head = ("", f"{bank.count:,}", f"{largest.count:,}", "slower by", "at most")
    report.table(title, head, rows)


def _writing(report: Report, bank: PreparedBank, folder: Path) -> None:
    delays = publish_to_drawn_delays(bank)
    rate, writes = import_beside_writes(bank, folder)
    p99, slowest = percentile(delays, 0.99), percentile(writes, 0.99)
    rows = [
        ("publish → drawn by both workers, p50", f"{percentile(delays, 0.5):.0f} ms", ""),
        ("publish → drawn by both workers, p99", f"{p99:.0f} ms", _verdict(p99 < 100, "100 ms")),
        (
            "import into an idle SQLite",
            f"{bank.import_rate:,.0f}/s",
            _verdict(bank.import_rate >= 10_000, "10,000/s"),
        ),
        ("import beside single writes", f"{rate:,.0f}/s", _verdict(rate >= 3_000, "3,000/s")),
        (
            "single writes beside an import, p99",
            f"{slowest:.0f} ms",
            _verdict(slowest < 150, "150 ms"),
        ),
    ]
    report.table(f"Writing, {bank.count:,} questions", ("", "measured", "target"), rows)


def _verdict(met: bool, target: str) -> str:
    return f"{target}: {'met' if met else 'missed'}"
