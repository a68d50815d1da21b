"""Measures everything in one run, and makes the tables."""

import os
import shutil
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
    median_ratio,
    medians,
    private_megabytes,
    serving,
    wait_until_idle,
)
from bench.prepared import KEY, PreparedBank, prepare_bank, prepare_textbook
from bench.report import Report, percentile
from bench.search import index_build_seconds, measure_search
from bench.works import request_paths

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1000,100000,1000000").split(",")]
COMPARED_SIZE = 100_000
READY_PATH = "/v1/questions?limit=1"
ALL_BODIES_MB = "2000"
HEADERS = {"Authorization": f"Bearer {KEY}"}
UNFILTERED = "draw 10, unfiltered"
BARE_TARGETS = {
    UNFILTERED: 0.40,
    "draw 10, rotating filters": 0.40,
    "draw 10, seeded, rotating filters": 0.25,
    "draw 10, every seed new, rotating filters": 0.25,
    "draw 10, every seed new, worst filter": 0.10,
    "one by id": 0.40,
    "page of 20": 0.40,
}
HEAD = ("requests/s", "p50 ms", "p99 ms", "CPU µs", "bytes", "of bare", "target")

# The largest bank may be this much slower.
MAX_SLOWDOWN = {"all bodies in the budget": 0.20, "default budget (256 MB)": 0.35}
TEXTBOOK_TIMES = 300
MAX_START_SECONDS = 5.0
MAX_PRIVATE_MB = 500


def main() -> None:
    """Measure everything."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="quizwell-bench-") as name:
        folder = Path(name)
        banks = [prepare_bank(folder / str(size), size) for size in SIZES]
        for bank in banks:
            if bank.count <= COMPARED_SIZE:
                index_build_seconds(bank.folder)
        compared = next((bank for bank in banks if bank.count == COMPARED_SIZE), banks[-1])
        for bank in banks:
            _measure_reads(report, bank, folder)
        _compare_with_textbook(report, compared, folder)
        if banks[-1] is not compared:
            _compare_sizes(report, compared, banks[-1], folder)
        _measure_writes(report, compared, folder)
        for bank in banks:
            shutil.rmtree(bank.folder)
        measure_search(report, folder)


def _size(server: Server, paths: list[str]) -> int:
    """Return the mean number of bytes of a response."""
    sample = paths[:50]
    sizes = [len(httpx.get(server.url + path, headers=HEADERS).content) for path in sample]
    return sum(sizes) // len(sizes)


def _measure_reads(report: Report, bank: PreparedBank, folder: Path) -> None:
    rows: list[tuple[str, ...]] = []
    failed = 0
    with serving("app.main:create_app", READY_PATH, bank.environment) as server:
        before = private_megabytes(server.pid)
        loading = wait_until_idle(server)
        for work, paths in request_paths(bank).items():
            constant = {"BENCH_BYTES": str(_size(server, paths))}
            with (
                serving("bench.bare:app", "/", constant, PORT + 1) as plain,
                serving("bench.framework:app", "/", constant, PORT + 2) as routed,
            ):
                servers = [Work(server, paths, KEY), Work(plain, ["/"]), Work(routed, ["/"])]
                ours, bare, framework = load(servers, folder)
            ratio = median_ratio(ours, bare)
            rows += [
                (work, *_cells(medians(ours)), f"{ratio:.1%}", _bare_verdict(bank, work, ratio)),
                ("— bare uvicorn, same size", *_cells(medians(bare)), "", ""),
                (
                    "— FastAPI, same size",
                    *_cells(medians(framework)),
                    f"{median_ratio(framework, bare):.1%}",
                    "",
                ),
            ]
            failed += sum(found.failed for found in ours)
        after = private_megabytes(server.pid)
    report.table(f"{bank.count:,} questions", ("", *HEAD), rows)
    ready = _verdict(server.ready_seconds < MAX_START_SECONDS, f"{MAX_START_SECONDS:.0f} s")
    small = _verdict(after < MAX_PRIVATE_MB, f"{MAX_PRIVATE_MB} MB")
    report.text(
        f"Imported at {bank.import_rate:,.0f} questions a second; ready after "
        f"{server.ready_seconds:.1f} s ({ready}), with bodies in the cache {loading:.0f} s later; "
        f"private memory {before:.0f} MB when ready, {after:.0f} MB after the load ({small}). "
        f"Refused or failed: {failed}."
    )


def _bare_verdict(bank: PreparedBank, work: str, ratio: float) -> str:
    """Return whether the target is met; larger banks are compared with this size instead."""
    if bank.count != COMPARED_SIZE:
        return ""
    return _verdict(ratio >= BARE_TARGETS[work], f"{BARE_TARGETS[work]:.0%}")


def _cells(result: Load) -> tuple[str, ...]:
    return (
        f"{result.rate:,.0f}",
        f"{result.p50:.2f}",
        f"{result.p99:.2f}",
        f"{result.cpu:.0f}",
        f"{result.size:,.0f}",
    )


def _compare_with_textbook(report: Report, bank: PreparedBank, folder: Path) -> None:
    path = folder / "textbook.db"
    prepare_textbook(path, bank.count)
    database = {"BENCH_DATABASE": str(path)}
    addresses = {
        UNFILTERED: "/questions/random?count=10",
        "draw 10, rotating filters": "/questions/random?count=10&difficulty=easy",
    }
    rows = []
    with (
        serving("app.main:create_app", READY_PATH, bank.environment) as server,
        serving("bench.textbook:app", "/docs", database, PORT + 1) as other,
    ):
        wait_until_idle(server)
        for work, address in addresses.items():
            paths = request_paths(bank)[work]
            constant = {"BENCH_BYTES": str(_size(server, paths))}
            with serving("bench.bare:app", "/", constant, PORT + 2) as plain:
                three = [Work(server, paths, KEY), Work(other, [address]), Work(plain, ["/"])]
                ours, textbook, bare = load(three, folder)
            times = median_ratio(ours, textbook)
            verdict = ""
            if work == UNFILTERED:
                verdict = _verdict(times >= TEXTBOOK_TIMES, f"{TEXTBOOK_TIMES} times")
            possible = f"{median_ratio(bare, textbook):,.0f}"
            rows += [
                (f"{work}: textbook", *_cells(medians(textbook)), "", ""),
                (f"{work}: Quizwell", *_cells(medians(ours)), f"{times:,.0f}", verdict),
                ("— bare uvicorn, same size", *_cells(medians(bare)), possible, ""),
            ]
    title = f"Beside FastAPI + SQLModel + ORDER BY random(), {bank.count:,} questions"
    head = ("", "requests/s", "p50 ms", "p99 ms", "CPU µs", "bytes", "times", "target")
    report.table(title, head, rows)
    report.text(
        "The textbook filters by one indexed difficulty and returns the rows of one table. The "
        "target is for the draw over the whole table. With the filter, an index leaves a third of "
        "the table; the row of bare uvicorn shows the largest ratio that is possible."
    )


def _compare_sizes(report: Report, bank: PreparedBank, largest: PreparedBank, folder: Path) -> None:
    large_cache = largest.environment | {"QUIZWELL_BODY_BUDGET_MB": ALL_BODIES_MB}
    rows = []
    with (
        serving("app.main:create_app", READY_PATH, bank.environment) as base,
        serving("app.main:create_app", READY_PATH, large_cache, PORT + 1) as all_cached,
        serving("app.main:create_app", READY_PATH, largest.environment, PORT + 2) as default,
    ):
        for server in (base, all_cached, default):
            wait_until_idle(server)
        largest_works = request_paths(largest)
        for work, paths in request_paths(bank).items():
            servers = [Work(base, paths, KEY)]
            servers += [Work(server, largest_works[work], KEY) for server in (all_cached, default)]
            first, *others = load(servers, folder)
            for (name, limit), results in zip(MAX_SLOWDOWN.items(), others, strict=True):
                slower = 1 - median_ratio(results, first)
                verdict = _verdict(slower <= limit, f"{limit:.0%}")
                rates = (f"{medians(each).rate:,.0f}" for each in (first, results))
                rows.append((f"{work}: {name}", *rates, f"{slower:.1%}", verdict))
    title = f"{largest.count:,} questions beside {bank.count:,}, requests/s"
    head = ("", f"{bank.count:,}", f"{largest.count:,}", "slower by", "limit")
    report.table(title, head, rows)


def _measure_writes(report: Report, bank: PreparedBank, folder: Path) -> None:
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
