"""Jobs that are interrupted, that wait, and whose questions change under their hands."""

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
from app.transfer.jobs import batch_size
from app.transfer.jobs.job import JobRun
from app.transfer.jobs.runner import Runner
from app.transfer.jobs.step_turns import StoppedError
from app.transfer.models import ImportJob
from app.transfer.service import ImportOptions, accept_file, import_folder, import_path
from tests.support.publications import make_bank
from tests.transfer.rows import lines, question

PUBLISHED = ImportOptions("science", "jsonl", target="published")


@pytest.fixture
def secrets(settings: Settings, database: Database) -> Secrets:
    make_bank(database)
    return load_secrets(settings)


def queue(
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


def look(database: Database, job: ImportJob) -> ImportJob:
    with database.read() as session:
        found = repository.find(session, job.id)
    assert found is not None
    return found


def stems(database: Database) -> dict[str, str]:
    query = text(
        "SELECT q.external_id, r.content FROM questions q JOIN revisions r "
        "ON r.question_id = q.id AND r.number = q.revision"
    )
    with database.read() as session:
        return {row[0]: row[1] for row in session.connection().execute(query)}


def stopping(after: int):
    counter = itertools.count(1)

    def keep_going() -> None:
        if next(counter) > after:
            raise StoppedError

    return keep_going


def ignore(_: ImportJob) -> None:
    pass


def test_a_job_that_was_interrupted_goes_on_where_it_stood(
    database: Database, settings: Settings, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_size, "FIRST_ROWS", 7)
    monkeypatch.setattr(batch_size, "MOST_ROWS", 7)
    job = queue(database, settings, lines(*(question(f"q{at}") for at in range(100))))
    with pytest.raises(StoppedError):
        JobRun(database, settings, secrets, stopping(5), ignore).run(job.id)
    between = look(database, job)
    assert between.state == "applying"
    assert 0 < between.done < 100
    assert between.done == between.created == len(stems(database))
    assert Runner(database, settings, secrets).step()
    ended = look(database, job)
    assert (ended.state, ended.done, ended.created, ended.unchanged) == ("done", 100, 100, 0)
    assert len(stems(database)) == 100
    assert not import_path(settings, job.id).exists()


def test_a_job_that_was_interrupted_while_checking_checks_anew(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = queue(database, settings, lines(*(question(f"q{at}") for at in range(10))))
    with pytest.raises(StoppedError):
        JobRun(database, settings, secrets, stopping(0), ignore).run(job.id)
    assert look(database, job).state == "checking"
    assert Runner(database, settings, secrets).step()
    assert look(database, job).created == 10


def test_jobs_run_in_the_order_in_which_they_came(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    first = queue(database, settings, lines(question("q1", stem="First.")))
    second = queue(database, settings, lines(question("q1", stem="Second.")))
    runner = Runner(database, settings, secrets)
    assert [runner.step(), runner.step(), runner.step()] == [True, True, False]
    assert (look(database, first).created, look(database, second).changed) == (1, 1)
    assert "Second." in stems(database)["q1"]


def test_a_key_has_one_running_and_two_waiting_jobs(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    key, other = time_and_random.uuid7(), time_and_random.uuid7()
    for _ in range(3):
        queue(database, settings, lines(question("q1")), key)
    with pytest.raises(Problem) as refused:
        queue(database, settings, lines(question("q1")), key)
    assert (refused.value.code, refused.value.status) == ("too_many_jobs", 429)
    assert "Retry-After" in refused.value.headers
    queue(database, settings, lines(question("q1")), other)
    assert not list(import_folder(settings).glob("*.part"))


def test_only_one_runner_of_a_host_works_at_a_time(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    queue(database, settings, lines(question("q1")))
    inside, leave = threading.Event(), threading.Event()

    def hold(_: ImportJob) -> None:
        inside.set()
        leave.wait(10)

    first = threading.Thread(target=Runner(database, settings, secrets, hold).step)
    first.start()
    assert inside.wait(10)
    assert not Runner(database, settings, secrets).step()
    leave.set()
    first.join()


def test_a_question_made_between_check_and_apply_is_changed_not_made_twice(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = queue(database, settings, lines(*(question(f"q{at}", stem="New.") for at in range(5))))
    applied = False

    def meanwhile(seen: ImportJob) -> None:
        nonlocal applied
        if seen.state == "applying" and not applied:
            applied = True
            other = settings.model_copy(update={"data_dir": settings.data_dir / "other"})
            path = settings.data_dir / "other.jsonl"
            path.write_bytes(lines(question("q2", stem="Old.")))
            with_own_files = Database(settings)
            import_file(with_own_files, other, secrets, path, PUBLISHED)
            with_own_files.close()

    JobRun(database, settings, secrets, lambda: None, meanwhile).run(job.id)
    ended = look(database, job)
    assert (ended.state, ended.created, ended.changed) == ("done", 4, 1)
    assert all("New." in stem for stem in stems(database).values())
    assert len(stems(database)) == 5


def test_a_question_that_was_archived_between_check_and_apply_is_reported(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    first = queue(
        database, settings, lines(question("q1")), options=ImportOptions("science", "jsonl")
    )
    Runner(database, settings, secrets).step()
    assert look(database, first).created == 1
    job = queue(database, settings, lines(question("q1", stem="New."), question("q2")))

    def meanwhile(seen: ImportJob) -> None:
        if seen.state == "applying" and seen.done == 0:
            with database.write() as session:
                session.connection().execute(text("UPDATE questions SET state = 'archived'"))

    JobRun(database, settings, secrets, lambda: None, meanwhile).run(job.id)
    ended = look(database, job)
    assert (ended.state, ended.created, ended.changed, ended.error_count) == ("done", 1, 0, 1)
    assert ended.rows[0]["line"] == 1


def test_an_empty_file_is_imported_without_effect(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = queue(database, settings, b"")
    assert Runner(database, settings, secrets).step()
    assert (look(database, job).state, look(database, job).of) == ("done", 0)


def test_a_bank_that_is_gone_refuses_the_job(
    database: Database, settings: Settings, secrets: Secrets
) -> None:
    job = queue(database, settings, lines(question("q1")), options=ImportOptions("gone", "jsonl"))
    Runner(database, settings, secrets).step()
    ended = look(database, job)
    assert (ended.state, ended.rows[0]["code"]) == ("refused", "not_found")


def test_old_reports_and_orphaned_files_are_tidied_away(
    database: Database, settings: Settings, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue(database, settings, lines(question("q1")))
    runner = Runner(database, settings, secrets)
    runner.step()
    orphan = import_folder(settings) / "orphan"
    orphan.write_bytes(b"")
    waiting = queue(database, settings, lines(question("q2")))
    monkeypatch.setattr("app.transfer.jobs.runner.ORPHANS_KEPT_SECONDS", -1.0)
    with database.write() as session:
        statement = text("UPDATE imports SET ended_at = 0 WHERE state = 'done'")
        session.connection().execute(statement)
    runner._tidy()
    assert not orphan.exists()
    assert import_path(settings, waiting.id).exists()
    with database.read() as session:
        assert repository.all_ids(session) == {waiting.id}
    assert job.id != waiting.id


def test_transactions_of_an_import_stay_short_and_others_get_in_between(
    database: Database, settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*(question(f"q{at}") for at in range(3000))))
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


def test_jobs_are_done_in_the_order_in_which_they_came_within_one_moment_too(
    database: Database, settings: Settings
) -> None:
    make_bank(database)
    with time_and_random.overridden(_Standing()):
        accepted = [queue(database, settings, lines(question(f"o{at}"))).id for at in range(8)]
    with database.read() as session:
        assert repository.open_ids(session) == accepted


class _Standing(time_and_random.SystemSource):
    """A clock that stands still."""

    def milliseconds(self) -> int:
        return 1_700_000_000_000
