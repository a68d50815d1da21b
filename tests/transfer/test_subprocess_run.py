"""A long import runs beside whoever serves, and ends with it, however that ends."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.core.db.database import Database
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.transfer.cli_import import run_job, staged
from app.transfer.jobs import helper_process as second
from app.transfer.jobs import job as import_job
from app.transfer.jobs.runner import Runner
from app.transfer.models import ImportJob
from app.transfer.repository import find
from app.transfer.service import ImportOptions, accept_file
from tests.support.publications import make_bank
from tests.transfer.rows import lines, question
from tests.transfer.test_helper_process import count

PUBLISHED = ImportOptions("science", "jsonl", target="published")
ROWS = 6_000
SECONDS = 60.0


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "MIN_BYTES", 1)


@pytest.fixture
def job(database: Database, settings: Settings, tmp_path: Path) -> ImportJob:
    make_bank(database)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*(question(f"q{at}") for at in range(ROWS))))
    with staged(settings, path) as incoming, database.write() as session:
        return accept_file(session, settings, incoming, PUBLISHED, None)


@pytest.fixture
def runner(database: Database, settings: Settings, long: None, job: ImportJob) -> Iterator[Runner]:
    runner = Runner(database, settings, load_secrets(settings))
    yield runner
    runner.stop()


def _children() -> list[int]:
    children = multiprocessing.active_children()
    return [child.pid for child in children if child.name == "import" and child.pid]


def _look(database: Database, job: ImportJob) -> ImportJob:
    with database.read() as session:
        found = find(session, job.id)
    assert found is not None
    return found


def _await(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _has_passed(database: Database, job: ImportJob, done: int) -> bool:
    now = _look(database, job)
    return now.state == "done" or (now.state == "applying" and now.done > done)


def _has_begun(database: Database, job: ImportJob) -> bool:
    return _has_passed(database, job, 0)


def _assert_whole(database: Database, job: ImportJob) -> None:
    done = _look(database, job)
    assert (done.state, done.created, done.error_count) == ("done", ROWS, 0)
    assert count(database) == (ROWS, ROWS)


def test_a_long_import_is_done_by_another_process(
    database: Database, job: ImportJob, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only here: the other process has modules of its own.
    monkeypatch.setattr(import_job.JobRun, "run", None)
    runner.start()
    _await(lambda: _look(database, job).state == "done")
    _assert_whole(database, job)
    _await(lambda: not _children())


def test_it_stops_with_the_service_and_goes_on_later(
    database: Database, settings: Settings, job: ImportJob, runner: Runner
) -> None:
    runner.start()
    _await(lambda: _has_begun(database, job))
    runner.stop()
    assert not _children()
    left = _look(database, job)
    assert left.state == "applying"
    assert left.done < ROWS
    assert count(database) == (left.done, left.done)
    run_job(database, settings, load_secrets(settings), left)
    _assert_whole(database, job)


def test_a_process_that_dies_is_done_without(
    database: Database, job: ImportJob, runner: Runner
) -> None:
    runner.start()
    _await(lambda: _has_begun(database, job))
    for pid in _children():
        os.kill(pid, signal.SIGKILL)
    _await(lambda: _look(database, job).state == "done")
    _assert_whole(database, job)


def test_a_job_that_has_to_wait_starts_no_process_meanwhile(
    fresh_settings: Callable[..., Settings],
    tmp_path: Path,
    long: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = fresh_settings(database_max_mb=4)
    if settings.url.startswith("postgresql"):
        pytest.skip("only an embedded database has a size of its own")
    database = Database(settings)
    make_bank(database)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*(question(f"q{at}") for at in range(ROWS))))
    with staged(settings, path) as incoming, database.write() as session:
        accept_file(session, settings, incoming, PUBLISHED, None)
    runner = Runner(database, settings, load_secrets(settings))
    runner.start()
    try:
        _await(lambda: "imports have to wait" in caplog.text)
        for _ in range(40):
            assert not multiprocessing.active_children()
            time.sleep(0.1)
    finally:
        runner.stop()
        database.close()
    # What could not be written is nobody's to read in a log.
    assert "neither of them" not in caplog.text


def _serve(settings: Settings) -> None:
    second.MIN_BYTES = 1
    database = Database(settings)
    Runner(database, settings, load_secrets(settings)).start()
    time.sleep(SECONDS)


@pytest.mark.campaign
def test_it_ends_with_a_service_that_is_killed_again_and_again(
    database: Database, settings: Settings, job: ImportJob
) -> None:
    before = 0
    for _ in range(3):
        service = multiprocessing.get_context("spawn").Process(target=_serve, args=(settings,))
        service.start()
        _await(partial(_has_passed, database, job, before))
        service.kill()
        service.join()
        before = _look(database, job).done

    # What the last one had begun may still be on its way.
    run_job(database, settings, load_secrets(settings), _look(database, job))
    _assert_whole(database, job)
