"""Jobs that are interrupted, that wait, and whose questions are changed by others meanwhile."""

import itertools
import threading
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core import time_and_random
from app.core.db.database import Database
from app.core.errors import Problem
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.cli_import import import_file, staged
from app.transfer.jobs import batches
from app.transfer.jobs.apply_phase import BatchPreparer, BatchWriter, apply_file
from app.transfer.jobs.job import JobRun
from app.transfer.jobs.job_row import JobStoppedError
from app.transfer.jobs.runner import ImportRunner
from app.transfer.models import ImportJob
from app.transfer.rows.context import load_context
from app.transfer.service import ImportOptions, accept_file, import_folder, import_path
from tests.support.publications import make_bank
from tests.transfer.rows import json_lines, numbered_lines, question_row

PUBLISHED = ImportOptions("science", "jsonl", target="published")


@pytest.fixture
def secrets(settings: Settings, database: Database) -> Secrets:
    make_bank(database)
    return load_secrets(settings)


def enqueue(
    database: Database,
    settings: Settings,
    data: bytes,
    key_id: UUID | None = None,
    options: ImportOptions = PUBLISHED,
) -> ImportJob:
    path = settings.data_dir / "rows.jsonl"
    path.write_bytes(data)
    with staged(settings, path) as incoming, database.write() as session:
        return accept_file(session, settings, incoming, options, key_id)


def reload(database: Database, job: ImportJob) -> ImportJob:
    with database.read() as session:
        found = repository.find(session, job.id)
    assert found is not None
    return found


def contents(database: Database) -> dict[str, str]:
    query = text(
        "SELECT q.external_id, r.content FROM questions q JOIN revisions r "
        "ON r.question_id = q.id AND r.number = q.revision"
    )
    with database.read() as session:
        return {row[0]: row[1] for row in session.connection().execute(query)}


def stop_after(calls: int):
    counter = itertools.count(1)

    def check_stopped() -> None:
        if next(counter) > calls:
            raise JobStoppedError

    return check_stopped


def ignore(_: ImportJob) -> None:
    pass


def test_an_interrupted_job_is_resumed_at_its_position(
    database: Database, settings: Settings, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "FIRST_BATCH_ROWS", 7)
    monkeypatch.setattr(batches, "MAX_BATCH_ROWS", 7)
    job = enqueue(database, settings, numbered_lines(100))
    with pytest.raises(JobStoppedError):
        JobRun(database, settings, secrets, stop_after(5), ignore).run(job.id)
    interrupted = reload(database, job)
    assert interrupted.state == "applying"
    assert 0 < interrupted.done < 100
    assert interrupted.done == interrupted.created == len(contents(database))
    assert ImportRunner(database, settings, secrets).step()
    ended = reload(database, job)
    assert (ended.state, ended.done, ended.created, ended.unchanged) == ("done", 100, 100, 0)
    assert len(contents(database)) == 100
    assert not import_path(settings, job.id).exists()


def test_a_job_that_is_interrupted_during_the_check_phase_is_checked_again(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = enqueue(database, settings, numbered_lines(10))
    with pytest.raises(JobStoppedError):
        JobRun(database, settings, secrets, stop_after(0), ignore).run(job.id)
    assert reload(database, job).state == "checking"
    assert ImportRunner(database, settings, secrets).step()
    assert reload(database, job).created == 10


def test_jobs_run_in_the_order_of_their_creation(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    first = enqueue(database, settings, json_lines(question_row("q1", stem="First.")))
    second = enqueue(database, settings, json_lines(question_row("q1", stem="Second.")))
    runner = ImportRunner(database, settings, secrets)
    assert [runner.step(), runner.step(), runner.step()] == [True, True, False]
    assert (reload(database, first).created, reload(database, second).changed) == (1, 1)
    assert "Second." in contents(database)["q1"]


def test_a_key_may_have_three_open_jobs(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    key, other = time_and_random.uuid7(), time_and_random.uuid7()
    for _ in range(3):
        enqueue(database, settings, json_lines(question_row("q1")), key)
    with pytest.raises(Problem) as refused:
        enqueue(database, settings, json_lines(question_row("q1")), key)
    assert (refused.value.code, refused.value.status) == ("too_many_jobs", 429)
    assert "Retry-After" in refused.value.headers
    enqueue(database, settings, json_lines(question_row("q1")), other)
    assert not list(import_folder(settings).glob("*.part"))


def test_only_one_runner_of_a_host_runs_a_job_at_a_time(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    enqueue(database, settings, json_lines(question_row("q1")))
    started, may_end = threading.Event(), threading.Event()

    def wait(_: ImportJob) -> None:
        started.set()
        may_end.wait(10)

    first = threading.Thread(target=ImportRunner(database, settings, secrets, wait).step)
    first.start()
    assert started.wait(10)
    assert not ImportRunner(database, settings, secrets).step()
    may_end.set()
    first.join()


def test_a_question_that_is_created_between_the_phases_is_changed_by_the_import(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = enqueue(
        database,
        settings,
        numbered_lines(5, stem="New."),
    )
    is_created = False

    def meanwhile(seen: ImportJob) -> None:
        nonlocal is_created
        if seen.state == "applying" and not is_created:
            is_created = True
            other = settings.model_copy(update={"data_dir": settings.data_dir / "other"})
            path = settings.data_dir / "other.jsonl"
            path.write_bytes(json_lines(question_row("q2", stem="Old.")))
            other_database = Database(settings)
            import_file(other_database, other, secrets, path, PUBLISHED)
            other_database.close()

    JobRun(database, settings, secrets, lambda: None, meanwhile).run(job.id)
    ended = reload(database, job)
    assert (ended.state, ended.created, ended.changed) == ("done", 4, 1)
    assert all("New." in stem for stem in contents(database).values())
    assert len(contents(database)) == 5


def test_a_question_that_is_archived_between_the_phases_is_reported(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    first = enqueue(
        database,
        settings,
        json_lines(question_row("q1")),
        options=ImportOptions("science", "jsonl"),
    )
    ImportRunner(database, settings, secrets).step()
    assert reload(database, first).created == 1
    job = enqueue(
        database, settings, json_lines(question_row("q1", stem="New."), question_row("q2"))
    )

    def meanwhile(seen: ImportJob) -> None:
        if seen.state == "applying" and seen.done == 0:
            with database.write() as session:
                session.connection().execute(text("UPDATE questions SET state = 'archived'"))

    JobRun(database, settings, secrets, lambda: None, meanwhile).run(job.id)
    ended = reload(database, job)
    assert (ended.state, ended.created, ended.changed, ended.error_count) == ("done", 1, 0, 1)
    assert ended.rows[0]["line"] == 1


def test_no_batch_is_written_twice_when_two_processes_run_the_same_job(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = enqueue(database, settings, numbered_lines(10))
    with pytest.raises(JobStoppedError):
        # The file is checked, but nothing is applied.
        JobRun(database, settings, secrets, stop_after(1), ignore).run(job.id)
    stale = reload(database, job)
    assert (stale.state, stale.done) == ("applying", 0)
    with import_path(settings, job.id).open("rb") as file:
        assert ImportRunner(database, settings, secrets).step()
        with database.read() as session:
            context = load_context(session, stale)
        assert context is not None
        preparer = BatchPreparer(database, secrets, context)
        writer = BatchWriter(database, secrets, context, preparer, stale)
        with pytest.raises(JobStoppedError):
            apply_file(file, writer, None, lambda: None)
    assert (reload(database, job).done, len(contents(database))) == (10, 10)


def test_an_empty_file_is_imported_and_changes_nothing(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = enqueue(database, settings, b"")
    assert ImportRunner(database, settings, secrets).step()
    assert (reload(database, job).state, reload(database, job).of) == ("done", 0)


def test_a_job_for_a_deleted_bank_is_refused(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = enqueue(
        database, settings, json_lines(question_row("q1")), options=ImportOptions("gone", "jsonl")
    )
    ImportRunner(database, settings, secrets).step()
    ended = reload(database, job)
    assert (ended.state, ended.rows[0]["code"]) == ("refused", "not_found")


def test_old_reports_and_orphaned_files_are_deleted(
    database: Database, settings: Settings, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = enqueue(database, settings, json_lines(question_row("q1")))
    runner = ImportRunner(database, settings, secrets)
    runner.step()
    orphan = import_folder(settings) / "orphan"
    orphan.write_bytes(b"")
    waiting = enqueue(database, settings, json_lines(question_row("q2")))
    monkeypatch.setattr("app.transfer.jobs.runner.ORPHANED_FILE_SECONDS", -1.0)
    with database.write() as session:
        statement = text("UPDATE imports SET ended_at = 0 WHERE state = 'done'")
        session.connection().execute(statement)
    runner._clean_up()
    assert not orphan.exists()
    assert import_path(settings, waiting.id).exists()
    with database.read() as session:
        assert repository.all_ids(session) == {waiting.id}
    assert job.id != waiting.id


def test_other_writers_get_in_between_the_transactions_of_an_import(
    database: Database, settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(numbered_lines(3000))
    writes = 0
    running = threading.Event()
    running.set()

    def write() -> None:
        nonlocal writes
        while running.is_set():
            with database.write() as session:
                session.connection().execute(text("UPDATE banks SET description = 'x'"))
            writes += 1

    other = threading.Thread(target=write)
    other.start()
    job = import_file(database, settings, secrets, path, PUBLISHED)
    running.clear()
    other.join()
    assert job.created == 3000
    # At least one write between any two of the transactions, of 1,000 rows at most.
    assert writes >= 3


def test_jobs_of_the_same_millisecond_keep_their_order(
    database: Database, settings: Settings
) -> None:
    make_bank(database)
    with time_and_random.overridden(_StoppedClock()):
        accepted = [
            enqueue(database, settings, json_lines(question_row(f"o{number}"))).id
            for number in range(8)
        ]
    with database.read() as session:
        assert repository.open_ids(session) == accepted


class _StoppedClock(time_and_random.SystemSource):
    """A clock that does not advance."""

    def milliseconds(self) -> int:
        return 1_700_000_000_000
