"""`make bench`: measures Quizwell beside its baselines in one run and writes docs/benchmarks.md."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import httpx

from bench.delays import beside_an_import, publish_to_drawn
from bench.load import URL, Load, load, private_megabytes, serving, settle
from bench.prepared import KEY, Prepared, prepare, prepare_textbook
from bench.report import Report, percentile
from bench.search import build_seconds, measure_search
from bench.works import works

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1000,100000,1000000").split(",")]
MIDDLE = 100_000
SERVES = "/v1/questions?limit=1"
ALL_BODIES_MB = "2000"
HEADERS = {"Authorization": f"Bearer {KEY}"}
TARGETS = {
    "draw 10, unfiltered": 0.40,
    "draw 10, rotating filters": 0.40,
    "draw 10, seeded, rotating filters": 0.25,
    "draw 10, seeded, worst filter": 0.10,
    "one by id": 0.40,
    "page of 20": 0.40,
}
HEAD = ("requests/s", "p50 ms", "p99 ms", "CPU µs", "bytes", "of bare", "target")

Loads = dict[str, Load]


def main() -> None:
    """Measure everything."""
    if shutil.which("wrk") is None:
        sys.exit("bench: wrk is needed (on Debian: apt-get install wrk)")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="quizwell-bench-") as name:
        folder = Path(name)
        banks = [prepare(folder / str(size), size) for size in SIZES]
        for bank in banks:
            if bank.count <= MIDDLE:
                build_seconds(bank.folder)
        middle = next((bank for bank in banks if bank.count == MIDDLE), banks[-1])
        baselines = _baselines(middle, folder)
        measured = {bank.count: _quizwell(report, bank, baselines, folder) for bank in banks}
        if MIDDLE in measured:
            _textbook(report, measured[MIDDLE], folder)
        _larger(report, banks, measured, folder)
        _writing(report, banks, folder)
        for bank in banks:
            shutil.rmtree(bank.folder)
        measure_search(report, folder)


def _sizes(bank: Prepared) -> dict[str, int]:
    """Return how many bytes an answer of each kind of work has, on average."""
    with serving("app.main:create_app", SERVES, **bank.environment):
        return {
            work: sum(len(httpx.get(URL + path, headers=HEADERS).content) for path in paths[:50])
            // len(paths[:50])
            for work, paths in works(bank).items()
        }


def _baselines(bank: Prepared, folder: Path) -> dict[str, tuple[Load, Load]]:
    """Return, for each kind of work, bare uvicorn and FastAPI sending as many constant bytes."""
    found = {}
    for work, size in _sizes(bank).items():
        with serving("bench.bare:app", "/", BENCH_BYTES=str(size)) as server:
            bare = load(server, ["/"], folder)
        with serving("bench.framework:app", "/", BENCH_BYTES=str(size)) as server:
            found[work] = bare, load(server, ["/"], folder)
    return found


def _quizwell(
    report: Report, bank: Prepared, baselines: dict[str, tuple[Load, Load]], folder: Path
) -> Loads:
    loads: Loads = {}
    with serving("app.main:create_app", SERVES, **bank.environment) as server:
        before = private_megabytes(server.pid)
        ahead = settle(server)
        for work, paths in works(bank).items():
            loads[work] = load(server, paths, folder, KEY)
        after = private_megabytes(server.pid)
    rows = []
    for work, found in loads.items():
        bare, framework = baselines[work]
        share = found.rate / bare.rate
        target = TARGETS[work]
        verdict = "met" if share >= target else "missed"
        rows.append((work, *_cells(found), f"{share:.0%}", f"{target:.0%}: {verdict}"))
        rows.append(("— bare uvicorn, as many bytes", *_cells(bare), "", ""))
        share = framework.rate / bare.rate
        rows.append(("— FastAPI, as many bytes", *_cells(framework), f"{share:.0%}", ""))
    report.table(f"{bank.count:,} questions", ("", *HEAD), rows)
    failed = sum(found.failed for found in loads.values())
    report.text(
        f"Imported at {bank.import_rate:,.0f} questions a second; ready after "
        f"{server.ready_seconds:.1f} s, with bodies read ahead {ahead:.0f} s later; private memory "
        f"{before:.0f} MB when ready, {after:.0f} MB after the load. Refused or failed: {failed}."
    )
    return loads


def _cells(found: Load) -> tuple[str, ...]:
    return (
        f"{found.rate:,.0f}",
        f"{found.p50:.2f}",
        f"{found.p99:.2f}",
        f"{found.cpu:.0f}",
        f"{found.size:,}",
    )


def _textbook(report: Report, loads: Loads, folder: Path) -> None:
    path = folder / "textbook.db"
    prepare_textbook(path, MIDDLE)
    asked = {
        "draw 10, unfiltered": "/questions/random?count=10",
        "draw 10, rotating filters": "/questions/random?count=10&difficulty=easy",
    }
    rows = []
    with serving("bench.textbook:app", "/docs", BENCH_DATABASE=str(path)) as server:
        for work, address in asked.items():
            textbook = load(server, [address], folder)
            times = loads[work].rate / textbook.rate
            target = f"300 times: {'met' if times >= 300 else 'missed'}"
            rows.append((f"{work}: textbook", *_cells(textbook), "", ""))
            rows.append((f"{work}: Quizwell", *_cells(loads[work]), f"{times:,.0f}", target))
    title = f"Beside FastAPI + SQLModel + ORDER BY random(), {MIDDLE:,} questions"
    head = ("", "requests/s", "p50 ms", "p99 ms", "CPU µs", "bytes", "times", "target")
    report.table(title, head, rows)
    report.text(
        "The textbook's filter is one indexed difficulty; it answers with one table's rows."
    )


def _larger(
    report: Report, banks: list[Prepared], measured: dict[int, Loads], folder: Path
) -> None:
    largest = banks[-1]
    if largest.count <= MIDDLE or MIDDLE not in measured:
        return
    environment = largest.environment | {"QUIZWELL_BODY_BUDGET_MB": ALL_BODIES_MB}
    work = "draw 10, rotating filters"
    with serving("app.main:create_app", SERVES, **environment) as server:
        settle(server)
        held = load(server, works(largest)[work], folder, KEY)
    base = measured[MIDDLE][work].rate
    rows = []
    for name, found, most in (
        ("all bodies in the budget", held, 0.20),
        ("default budget (256 MB)", measured[largest.count][work], 0.35),
    ):
        slower = 1 - found.rate / base
        verdict = "met" if slower <= most else "missed"
        rows.append((name, f"{found.rate:,.0f}", f"{slower:.0%}", f"{most:.0%}: {verdict}"))
    title = f"{largest.count:,} questions beside {MIDDLE:,}: {work}"
    report.table(title, ("", "requests/s", "slower by", "at most"), rows)


def _writing(report: Report, banks: list[Prepared], folder: Path) -> None:
    bank = next((bank for bank in banks if bank.count == MIDDLE), banks[-1])
    delays = publish_to_drawn(bank)
    rate, writes = beside_an_import(bank, folder)
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


if __name__ == "__main__":
    main()
