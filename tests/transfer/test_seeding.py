"""A seed is imported once, and the next start resumes it after a kill."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.starting import SEED_FOLDER, SeedError, load_seed, prepare
from app.transfer import repository
from app.transfer.jobs.runner import ImportRunner
from tests.transfer.rows import json_lines, question_row

TERMS = {
    "banks": [
        {
            "slug": "first",
            "name": "First",
            "description": "",
            "language": "en",
            "read": "public",
            "answers": "public",
            "exposure": "open",
            "reveal": "key",
        }
    ],
    "categories": [
        {"slug": "all", "name": "All", "description": "", "aliases": [], "parent": None},
        {"slug": "part", "name": "Part", "description": "", "aliases": ["bit"], "parent": "all"},
    ],
    "companies": [],
    "tags": [{"slug": "viva", "name": "Viva", "description": "", "aliases": [], "group": "format"}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "questions").mkdir()
    (tmp_path / "terms.json").write_bytes(orjson.dumps(TERMS))
    quiz = {"title": "Warm-up", "slug": "warm-up", "filter": {"tag": ["viva"]}, "count": 3}
    (tmp_path / "quizzes.json").write_bytes(orjson.dumps([quiz]))
    for name in ("a", "b"):
        rows = json_lines(
            *(question_row(f"{name}{at}", categories=["bit"], tags=["viva"]) for at in "12")
        )
        (tmp_path / "questions" / f"{name}.jsonl").write_bytes(rows)
    return tmp_path


def state_of(database: Database) -> tuple[Any, ...]:
    with database.read() as session:
        rows = session.connection().execute(
            text("SELECT external_id, state, revision FROM questions ORDER BY external_id")
        )
        return (read_mark(session), *(tuple(row) for row in rows))


def test_a_seed_that_is_loaded_twice_changes_nothing(
    database: Database, settings: Settings, folder: Path
) -> None:
    printed: list[str] = []
    load_seed(database, settings, printed.append, folder)
    before = state_of(database)
    assert before[1:] == tuple((name, "published", 1) for name in ("a1", "a2", "b1", "b2"))
    assert printed == ["Seed bank: 4 questions created, 0 changed, 0 unchanged; 1 quizzes created"]
    load_seed(database, settings, printed.append, folder)
    assert state_of(database) == before
    assert printed[1].endswith("4 unchanged; 0 quizzes created")


def test_the_next_start_finishes_a_seed_that_was_interrupted(
    database: Database,
    settings: Settings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class KilledError(Exception):
        pass

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("app.starting.run_job", kill)
        with pytest.raises(KilledError):
            load_seed(database, settings, print, folder)
    runner = ImportRunner(database, settings, load_secrets(settings))
    while runner.step():
        pass
    assert [row[0] for row in state_of(database)[1:]] == ["a1", "a2", "b1", "b2"]
    with database.read() as session:
        assert repository.open_ids(session) == []


def test_an_error_in_a_seed_names_the_row(
    database: Database, settings: Settings, folder: Path
) -> None:
    (folder / "questions" / "b.jsonl").write_bytes(
        json_lines(question_row("b1", difficulty="fiendish"))
    )
    with pytest.raises(SeedError, match="line 1, difficulty: 'fiendish'"):
        load_seed(database, settings, print, folder)


def test_the_first_start_loads_the_seed_and_the_second_changes_nothing(
    settings: Settings,
) -> None:
    printed: list[str] = []
    prepare(settings, printed.append)
    database = Database(settings)
    before = state_of(database)
    assert len(before) > len(list((SEED_FOLDER / "questions").glob("*.jsonl")))
    prepare(settings, printed.append)
    assert state_of(database) == before
    database.close()
