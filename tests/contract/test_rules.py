"""Rules of the code base that no tool knows, each with what it would catch."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted((ROOT / "app").rglob("*.py"))
EVERY = sorted(
    path
    for folder in ("app", "tests", "migrations", "bench")
    for path in (ROOT / folder).rglob("*.py")
)

COMMIT = re.compile(r"\.commit\(")
# Migrations run alone; the slugs of quizzes are locked by quizzes.service only.
CHECKED_ELSEWHERE = {"app/migrating.py", "app/quizzes/repository.py"}
MAY_COMMIT = {"app/core/db/database.py"}


def test_no_module_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)) for path in EVERY if len(path.read_text().splitlines()) > 400
    }
    assert long == set()


def test_nobody_below_the_edge_commits() -> None:
    assert COMMIT.search("session.commit()")
    found = {str(path.relative_to(ROOT)) for path in MODULES if COMMIT.search(path.read_text())}
    assert found <= MAY_COMMIT


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_says_in_its_first_line_what_it_is_for(path: Path) -> None:
    first = path.read_text().split("\n", 1)[0]
    assert re.fullmatch(r'"""[^"]{10,94}[.!?]"""', first) or re.fullmatch(r'"""[^"]{10,94}', first)


def test_every_module_that_locks_rows_checks_the_lock_order() -> None:
    locking = re.compile(r"with_for_update|FOR UPDATE|advisory_xact_lock")
    found = {str(path.relative_to(ROOT)) for path in MODULES if locking.search(path.read_text())}
    assert "app/questions/repository.py" in found
    unchecked = {name for name in found if "check_lock_order" not in (ROOT / name).read_text()}
    assert unchecked <= CHECKED_ELSEWHERE


def test_nothing_is_left_for_later() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    marker = re.compile(rf"\b({'|'.join(words)})\b")
    assert marker.search(f"# {words[0]}: later")
    found = {str(path.relative_to(ROOT)) for path in EVERY if marker.search(path.read_text())}
    assert found == set()
