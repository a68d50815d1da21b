"""Two processes on one import: the same result as one process, even if the worker fails."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.db.database import Database
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer.cli_import import import_file, staged
from app.transfer.formats.rows import FilePosition, RawRow
from app.transfer.jobs import process_policy
from app.transfer.jobs.batch_pool import MAX_PENDING_BATCHES, BatchPool
from app.transfer.jobs.batches import FIRST_BATCH_ROWS, MAX_BATCH_ROWS, BatchSize
from app.transfer.models import ImportJob
from app.transfer.rows.context import ImportContext, load_context
from app.transfer.service import ImportOptions, accept_file
from tests.support.publications import make_bank
from tests.transfer.rows import json_lines, numbered_lines, question_row

PUBLISHED = ImportOptions("science", "jsonl", target="published")
ROWS = 4_000
TIMEOUT_SECONDS = 60.0


@pytest.fixture
def secrets(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    make_bank(database)
    monkeypatch.setattr(process_policy, "MIN_PROCESS_BYTES", 1)
    # The second process is used even where the tests run on one core.
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return load_secrets(settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(numbered_lines(ROWS))
    return path


@pytest.fixture
def job(database: Database, settings: Settings, secrets: Secrets, file: Path) -> ImportJob:
    with staged(settings, file) as incoming, database.write() as session:
        return accept_file(session, settings, incoming, PUBLISHED, None)


@pytest.fixture
def context(database: Database, job: ImportJob) -> ImportContext:
    with database.read() as session:
        loaded = load_context(session, job)
    assert loaded is not None
    return loaded


@pytest.fixture
def pool(settings: Settings, job: ImportJob) -> Iterator[BatchPool]:
    pool = BatchPool(settings, job.id)
    yield pool
    pool.close()


def worker_pids() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid]


def question_counts(database: Database) -> tuple[int, int]:
    query = text("SELECT count(*), count(DISTINCT external_id) FROM questions")
    with database.read() as session:
        return tuple(session.connection().execute(query).one())


def assert_imported_once(database: Database, job: ImportJob) -> None:
    assert (job.state, job.of, job.done, job.error_count) == ("done", ROWS, ROWS, 0)
    assert (job.created, job.changed, job.unchanged) == (ROWS, 0, 0)
    assert question_counts(database) == (ROWS, ROWS)


def test_two_processes_import_each_row_once(
    database: Database, settings: Settings, secrets: Secrets, file: Path
) -> None:
    pids: set[int] = set()
    offsets = [0]

    def watch(job: ImportJob) -> None:
        pids.update(worker_pids())
        offsets.append(job.next_offset)

    assert_imported_once(database, import_file(database, settings, secrets, file, PUBLISHED, watch))
    assert len(pids) == 1
    assert offsets == sorted(offsets)
    assert worker_pids() == []
    again = import_file(database, settings, secrets, file, PUBLISHED)
    assert (again.state, again.unchanged) == ("done", ROWS)


@pytest.mark.campaign
@pytest.mark.parametrize("state", ["checking", "applying"])
def test_an_import_continues_when_its_worker_is_killed(
    database: Database, settings: Settings, secrets: Secrets, file: Path, state: str
) -> None:
    killed: list[int] = []

    def kill(job: ImportJob) -> None:
        if job.state == state and job.done > 0 and not killed:
            for pid in worker_pids():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    assert_imported_once(database, import_file(database, settings, secrets, file, PUBLISHED, kill))
    assert len(killed) == 1


def test_errors_found_by_either_process_are_reported_by_line(
    database: Database, settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    rows = [question_row(f"q{number}") for number in range(ROWS)]
    for index in (7, 1_499, 2_600, 3_999):
        rows[index]["difficulty"] = "fiendish"
    rows[3_000] = question_row("q100")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json_lines(*rows))
    job = import_file(database, settings, secrets, path, PUBLISHED)
    assert job.state == "refused"
    assert [row["line"] for row in job.rows] == [8, 1_500, 2_601, 3_001, 4_000]
    assert "Line 101 " in job.rows[3]["hint"]
    assert question_counts(database) == (0, 0)


def test_a_question_that_is_created_during_the_import_is_changed_by_it(
    database: Database, settings: Settings, secrets: Secrets, file: Path, tmp_path: Path
) -> None:
    is_created = False

    def create_question(job: ImportJob) -> None:
        nonlocal is_created
        if job.state == "applying" and job.done > 0 and not is_created:
            is_created = True
            path = tmp_path / "one.jsonl"
            path.write_bytes(json_lines(question_row(f"q{ROWS - 1}", stem="Old.")))
            elsewhere = settings.model_copy(update={"data_dir": settings.data_dir / "other"})
            other = Database(settings)
            import_file(other, elsewhere, secrets, path, PUBLISHED)
            other.close()

    job = import_file(database, settings, secrets, file, PUBLISHED, create_question)
    assert (job.state, job.created, job.changed) == ("done", ROWS - 1, 1)
    assert question_counts(database) == (ROWS, ROWS)


class SlowEcho:
    """Returns the line of a batch and the process that handled it; slower for every other one."""

    def __init__(self, database: Database, secrets: Secrets, context: ImportContext) -> None:
        assert context.bank == "science"

    def __call__(self, batch: list[RawRow]) -> tuple[int, int]:
        time.sleep(0.03 if batch[0].line % 2 else 0.001)
        return batch[0].line, os.getpid()


class FailsInWorker(SlowEcho):
    """Fails in the worker process only, which is the process that has a parent."""

    def __call__(self, batch: list[RawRow]) -> tuple[int, int]:
        if multiprocessing.parent_process() is not None:
            raise RuntimeError
        return super().__call__(batch)


def one_row_batches(count: int) -> list[list[RawRow]]:
    return [[RawRow(line, b"", FilePosition(line, line + 1))] for line in range(1, count + 1)]


def test_results_are_in_file_order_and_few_batches_wait(
    database: Database, secrets: Secrets, context: ImportContext, pool: BatchPool
) -> None:
    pool._ready.result(TIMEOUT_SECONDS)
    read = 0

    def batches() -> Iterator[list[RawRow]]:
        nonlocal read
        for batch in one_row_batches(60):
            read += 1
            yield batch

    lines, pids = [], set()
    for _, (line, pid) in pool.map(SlowEcho(database, secrets, context), batches()):
        lines.append(line)
        pids.add(pid)
        assert read - len(lines) < MAX_PENDING_BATCHES
    assert lines == list(range(1, 61))
    assert pids == {os.getpid(), *worker_pids()}


def test_batches_that_fail_in_the_worker_are_processed_by_the_caller(
    database: Database,
    secrets: Secrets,
    context: ImportContext,
    pool: BatchPool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pool._ready.result(TIMEOUT_SECONDS)
    task = FailsInWorker(database, secrets, context)
    results = [result for _, result in pool.map(task, one_row_batches(20))]
    assert results == [(line, os.getpid()) for line in range(1, 21)]
    assert caplog.text.count("the worker process of an import failed") == 1


def _run_pool(settings: Settings, job: ImportJob, connection: Connection) -> None:
    pool = BatchPool(settings, job.id)
    pool._ready.result(TIMEOUT_SECONDS)
    connection.send(worker_pids())
    signal.pause()


@pytest.mark.campaign
def test_the_worker_ends_when_its_parent_is_killed(settings: Settings, job: ImportJob) -> None:
    spawn = multiprocessing.get_context("spawn")
    connection, child_connection = spawn.Pipe()
    process = spawn.Process(target=_run_pool, args=(settings, job, child_connection))
    process.start()
    assert connection.poll(TIMEOUT_SECONDS)
    (worker_pid,) = connection.recv()
    process.kill()
    process.join()
    wait_until(lambda: not _is_running(worker_pid))


def _is_running(pid: int) -> bool:
    try:
        # A process that nobody waits for stays as a zombie, state Z.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@given(st.lists(st.floats(0.0001, 10.0), min_size=1, max_size=30))
def test_batches_stay_within_limits_and_at_most_double(durations: list[float]) -> None:
    size = BatchSize()
    assert size.rows == FIRST_BATCH_ROWS
    for seconds in durations:
        before = size.rows
        size.record(before, seconds)
        assert 1 <= size.rows <= min(2 * before, MAX_BATCH_ROWS)
