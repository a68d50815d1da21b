"""Two processes on one import: the same outcome as one, whatever becomes of the second."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.db.database import Database
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer.cli_import import import_file, staged
from app.transfer.jobs import helper_process
from app.transfer.jobs.apply_phase import Applier
from app.transfer.jobs.batch_size import LAG, MOST_ROWS, Sizes
from app.transfer.jobs.step_turns import Outcome, PartnerLostError
from app.transfer.models import ImportJob
from app.transfer.rows.context import load_context
from app.transfer.service import ImportOptions, accept_file
from tests.support.publications import make_bank
from tests.transfer.rows import lines, question

PUBLISHED = ImportOptions("science", "jsonl", target="published")
ROWS = 4_000


@pytest.fixture
def secrets(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    make_bank(database)
    monkeypatch.setattr(helper_process, "MIN_BYTES", 1)
    # Tests have two cores at most, and share them.
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return load_secrets(settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*(question(f"q{at}") for at in range(ROWS))))
    return path


def partners() -> list[int]:
    children = multiprocessing.active_children()
    return [child.pid for child in children if child.name == "import-partner" and child.pid]


def count(database: Database) -> tuple[int, int]:
    query = text("SELECT count(*), count(DISTINCT external_id) FROM questions")
    with database.read() as session:
        return tuple(session.connection().execute(query).one())


def assert_whole(database: Database, job: ImportJob) -> None:
    assert (job.state, job.of, job.done, job.error_count) == ("done", ROWS, ROWS, 0)
    assert (job.created, job.changed, job.unchanged) == (ROWS, 0, 0)
    assert count(database) == (ROWS, ROWS)


def test_two_processes_import_each_row_once(
    database: Database, settings: Settings, secrets: Secrets, file: Path
) -> None:
    seen: set[int] = set()
    places = [0]

    def watch(job: ImportJob) -> None:
        seen.update(partners())
        places.append(job.next_offset)

    assert_whole(database, import_file(database, settings, secrets, file, PUBLISHED, watch))
    assert len(seen) == 1
    assert places == sorted(places)
    assert partners() == []
    again = import_file(database, settings, secrets, file, PUBLISHED)
    assert (again.state, again.unchanged) == ("done", ROWS)


@pytest.mark.parametrize("state", ["checking", "applying"])
def test_a_partner_that_dies_is_done_without(
    database: Database, settings: Settings, secrets: Secrets, file: Path, state: str
) -> None:
    killed: list[int] = []

    def kill(job: ImportJob) -> None:
        if job.state == state and job.done > 0 and not killed:
            for pid in partners():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    assert_whole(database, import_file(database, settings, secrets, file, PUBLISHED, kill))
    assert len(killed) == 1


def test_what_is_wrong_in_either_half_is_reported_by_line(
    database: Database, settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    rows = [question(f"q{at}") for at in range(ROWS)]
    for at in (7, 1_499, 2_600, 3_999):
        rows[at]["difficulty"] = "fiendish"
    rows[3_000] = question("q100")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*rows))
    job = import_file(database, settings, secrets, path, PUBLISHED)
    assert job.state == "refused"
    assert [row["line"] for row in job.rows] == [8, 1_500, 2_601, 3_001, 4_000]
    assert "Line 101 " in job.rows[3]["hint"]
    assert count(database) == (0, 0)


def test_a_file_with_a_question_that_somebody_makes_meanwhile_still_goes_in_whole(
    database: Database, settings: Settings, secrets: Secrets, file: Path, tmp_path: Path
) -> None:
    made: list[int] = []

    def meanwhile(job: ImportJob) -> None:
        if job.state == "applying" and job.done > 0 and not made:
            made.append(job.done)
            path = tmp_path / "one.jsonl"
            path.write_bytes(lines(question(f"q{ROWS - 1}", stem="Old.")))
            elsewhere = settings.model_copy(update={"data_dir": settings.data_dir / "other"})
            other = Database(settings)
            import_file(other, elsewhere, secrets, path, PUBLISHED)
            other.close()

    job = import_file(database, settings, secrets, file, PUBLISHED, meanwhile)
    assert (job.state, job.created, job.changed) == ("done", ROWS - 1, 1)
    assert count(database) == (ROWS, ROWS)


class Apart:
    """Leaves the first step to somebody who does nothing."""

    def mine(self, number: int) -> bool:
        return number > 0

    def before(self, number: int) -> None:
        return None

    def after(self, outcome: Outcome) -> None:
        raise AssertionError


def test_no_step_is_taken_that_does_not_follow_the_last(
    database: Database, settings: Settings, secrets: Secrets, file: Path
) -> None:
    with staged(settings, file) as incoming, database.write() as session:
        job = accept_file(session, settings, incoming, PUBLISHED, None)
    with database.read() as session:
        context = load_context(session, job)
    assert context is not None
    with file.open("rb") as opened, pytest.raises(PartnerLostError):
        Applier(database, secrets, context, opened).run(job, Apart(), lambda: None)
    assert count(database) == (0, 0)


@given(st.lists(st.floats(0.0001, 1.0), min_size=LAG + 1, max_size=30))
def test_both_sides_cut_the_same_steps(seconds: list[float]) -> None:
    early, late = Sizes(), Sizes()
    cut = []
    for number, spent in enumerate(seconds):
        cut.append(early.of(number))
        early.took(number, spent, cut[-1])
        assert 1 <= cut[-1] <= MOST_ROWS
    for number in range(len(seconds)):
        # The other side hears of a step just in time for the one that needs it.
        if number >= LAG:
            late.took(number - LAG, seconds[number - LAG], cut[number - LAG])
        assert late.of(number) == cut[number]
