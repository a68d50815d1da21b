"""Long imports run in a process of their own, which ends with the service, however that ends."""

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
from app.transfer.jobs import job as import_job
from app.transfer.jobs import process_policy
from app.transfer.jobs.runner import ImportRunner
from app.transfer.models import ImportJob
from app.transfer.repository import find
from app.transfer.service import ImportOptions, accept_file
from tests.support.publications import make_bank
from tests.transfer.rows import numbered_lines
from tests.transfer.test_batch_pool import question_counts, wait_until

PUBLISHED = ImportOptions("science", "jsonl", target="published")
ROWS = 6_000
SERVICE_SECONDS = 60.0


@pytest.fixture
def all_jobs_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_policy, "MIN_PROCESS_BYTES", 1)


@pytest.fixture
def job(database: Database, settings: Settings, tmp_path: Path) -> ImportJob:
    make_bank(database)
    return accept(database, settings, tmp_path)


@pytest.fixture
def runner(
    database: Database, settings: Settings, all_jobs_are_long: None, job: ImportJob
) -> Iterator[ImportRunner]:
    runner = ImportRunner(database, settings, load_secrets(settings))
    yield runner
    runner.stop()


def accept(database: Database, settings: Settings, folder: Path) -> ImportJob:
    path = folder / "rows.jsonl"
    path.write_bytes(numbered_lines(ROWS))
    with staged(settings, path) as incoming, database.write() as session:
        return accept_file(session, settings, incoming, PUBLISHED, None)


def import_pids() -> list[int]:
    children = multiprocessing.active_children()
    return [child.pid for child in children if child.name == "import" and child.pid]


def reload(database: Database, job: ImportJob) -> ImportJob:
    with database.read() as session:
        found = find(session, job.id)
    assert found is not None
    return found


def has_applied_more_than(database: Database, job: ImportJob, rows: int) -> bool:
    current = reload(database, job)
    return current.state == "done" or (current.state == "applying" and current.done > rows)


def is_done(database: Database, job: ImportJob) -> bool:
    return reload(database, job).state == "done"


def assert_imported_once(database: Database, job: ImportJob) -> None:
    ended = reload(database, job)
    assert (ended.state, ended.created, ended.error_count) == ("done", ROWS, 0)
    assert question_counts(database) == (ROWS, ROWS)


def test_a_long_import_runs_in_another_process(
    database: Database, job: ImportJob, runner: ImportRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only here: the other process imports the module again.
    monkeypatch.setattr(import_job.JobRun, "run", None)
    runner.start()
    wait_until(lambda: is_done(database, job))
    assert_imported_once(database, job)
    wait_until(lambda: not import_pids())


@pytest.mark.campaign
def test_an_import_stops_with_the_service_and_is_resumed(
    database: Database, settings: Settings, job: ImportJob, runner: ImportRunner
) -> None:
    runner.start()
    wait_until(lambda: has_applied_more_than(database, job, 0))
    runner.stop()
    assert not import_pids()
    stopped = reload(database, job)
    assert stopped.state == "applying"
    assert stopped.done < ROWS
    assert question_counts(database) == (stopped.done, stopped.done)
    run_job(database, settings, load_secrets(settings), stopped)
    assert_imported_once(database, job)


@pytest.mark.campaign
def test_an_import_continues_in_the_service_when_its_process_is_killed(
    database: Database, job: ImportJob, runner: ImportRunner
) -> None:
    runner.start()
    wait_until(lambda: has_applied_more_than(database, job, 0))
    for pid in import_pids():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_done(database, job))
    assert_imported_once(database, job)


@pytest.mark.slow
def test_an_import_that_is_delayed_by_an_error_starts_no_process_meanwhile(
    fresh_settings: Callable[..., Settings],
    tmp_path: Path,
    all_jobs_are_long: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = fresh_settings(database_max_mb=4)
    if settings.url.startswith("postgresql"):
        pytest.skip("only an embedded database has a size limit")
    database = Database(settings)
    make_bank(database)
    accept(database, settings, tmp_path)
    runner = ImportRunner(database, settings, load_secrets(settings))
    runner.start()
    try:
        wait_until(lambda: "imports are delayed by an error" in caplog.text)
        for _ in range(40):
            assert not multiprocessing.active_children()
            time.sleep(0.1)
    finally:
        runner.stop()
        database.close()
    # The log does not contain the values of a statement that failed.
    assert "neither of them" not in caplog.text


def _serve(settings: Settings) -> None:
    process_policy.MIN_PROCESS_BYTES = 1
    database = Database(settings)
    ImportRunner(database, settings, load_secrets(settings)).start()
    time.sleep(SERVICE_SECONDS)


@pytest.mark.campaign
def test_an_import_survives_a_service_that_is_killed_again_and_again(
    database: Database, settings: Settings, job: ImportJob
) -> None:
    done = 0
    for _ in range(3):
        service = multiprocessing.get_context("spawn").Process(target=_serve, args=(settings,))
        service.start()
        wait_until(partial(has_applied_more_than, database, job, done))
        service.kill()
        service.join()
        done = reload(database, job).done

    # The import process of the last service may still be running.
    run_job(database, settings, load_secrets(settings), reload(database, job))
    assert_imported_once(database, job)
