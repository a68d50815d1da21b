"""Rules of the code base that no other tool checks."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import app as commands

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted((ROOT / "app").rglob("*.py"))
ALL_MODULES = sorted(
    path
    for folder in ("app", "tests", "migrations", "bench")
    for path in (ROOT / folder).rglob("*.py")
)
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_FOLDER_MODULES = 20

COMMIT = re.compile(r"\.commit\(")
# Migrations run alone; the slugs of quizzes are locked by quizzes.service only.
CHECKED_ELSEWHERE = {"app/migrating.py", "app/quizzes/repository.py"}
MAY_COMMIT = {"app/core/db/database.py"}

# Former names that did not say what they name; none may come back.
OLD_MODULES = {
    "core": "clock clockwatch corking outbox dressing once uses writing entropy bodies inputs "
    "listing fielderrors strictjson bodylimit",
    "access": "lesser windows directory",
    "catalog": "door understanding continuing tree documents packing memory seqlog live listing "
    "single counting vocabularies",
    "questions": "held asking replying documented ledger persisting checking renewing",
    "transfer": "turns apart partner slots sizing running importing",
    "search": "keeping upkeep states watching pace readings tiers knowledge indexed serving "
    "operating operators",
}
OLD_NAMES = frozenset(
    "Alone Alternating Asked Composed Corked CorkedProtocol Directory Door Drawn Enqueued Entry"  # noqa: SIM905
    " Equals Flight Found Glossary Held Keeper Knowledge Known Ledger LostLeaseError NoLive Outbox"
    " Pace Partner PartnerLostError Place Presented Rater Saved SeqLog Stretch Thesaurus Turns"
    " Upkeep Wanted Windows Workshop"
    " approach become bump_terms distrust dressed glance go_public had_live halves has_moved hold"
    " keep_names_apart lose manners mend mine missing_manners most_edits needle newest_at once_each"
    " pump rarely_collecting run_apart stand_back take_names take_out tell tidy took unmixed"
    " wants_partner weighty whole widen write_together"
    " _dressed _go_on _have_doubts _knock _look_again _mend _say_nothing _stand_back _tell _told"
    " _undoing".split()
)

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _definitions() -> list[tuple[Path, Definition]]:
    """Return every class and function, also those inside others, with its module."""
    found: list[tuple[Path, Definition]] = []
    for path in ALL_MODULES:
        waiting: list[ast.stmt] = list(ast.parse(path.read_text()).body)
        while waiting:
            statement = waiting.pop()
            # Expressions hold no definitions, and most nodes are expressions.
            for inner in ("body", "orelse", "finalbody"):
                waiting += getattr(statement, inner, ())
            if isinstance(statement, Definition):
                found.append((path, statement))
    return found


def test_no_module_is_too_long() -> None:
    too_long = {
        _relative(path): count
        for path in ALL_MODULES
        if (count := len(path.read_text().splitlines())) > MAX_MODULE_LINES
    }
    assert too_long == {}


def test_no_function_is_too_long() -> None:
    too_long = {
        f"{_relative(path)}: {node.name}": lines
        for path, node in _definitions()
        if not isinstance(node, ast.ClassDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
        # The tables of the first migrations are long lists.
        and not _relative(path).startswith("migrations/")
    }
    assert too_long == {}


def test_no_folder_has_too_many_modules() -> None:
    modules = (path for path in ALL_MODULES if path.name != "__init__.py")
    counts = Counter(_relative(path.parent) for path in modules)
    assert {folder: n for folder, n in counts.items() if n > MAX_FOLDER_MODULES} == {}


def test_old_names_of_modules_are_gone() -> None:
    found = {
        f"{room}/{name}"
        for room, names in OLD_MODULES.items()
        for name in names.split()
        if list((ROOT / "app" / room).rglob(f"{name}.py"))
    }
    assert found == set()


def test_old_names_of_classes_and_functions_are_gone() -> None:
    found = {
        f"{_relative(path)}: {node.name}"
        for path, node in _definitions()
        if node.name in OLD_NAMES and _relative(path).startswith("app/")
    }
    assert found == set()


def test_only_the_database_module_commits() -> None:
    assert COMMIT.search("session.commit()")
    found = {_relative(path) for path in MODULES if COMMIT.search(path.read_text())}
    assert found <= MAY_COMMIT


def test_the_first_line_of_each_module_says_what_it_is_for() -> None:
    line = re.compile(r'"""[^"]{10,94}([.!?]""")?')
    firsts = {_relative(path): path.read_text().split("\n", 1)[0] for path in MODULES}
    assert [name for name, first in firsts.items() if not line.fullmatch(first)] == []


def test_every_module_that_locks_rows_checks_the_lock_order() -> None:
    locking = re.compile(r"with_for_update|FOR UPDATE|advisory_xact_lock")
    found = {_relative(path) for path in MODULES if locking.search(path.read_text())}
    assert "app/questions/repository.py" in found
    unchecked = {name for name in found if "check_lock_order" not in (ROOT / name).read_text()}
    assert unchecked <= CHECKED_ELSEWHERE


def test_no_unfinished_work_is_marked() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    marker = re.compile(rf"\b({'|'.join(words)})\b")
    assert marker.search(f"# {words[0]}: later")
    found = {_relative(path) for path in ALL_MODULES if marker.search(path.read_text())}
    assert found == set()


def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command of the command line with its full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


COMMANDS = dict(_commands(get_command(commands)))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_explains_each_command_and_its_options(name: str) -> None:
    command = COMMANDS[name]
    assert re.match(r"[A-Z].*[.;]", command.help)
    for parameter in command.params:
        assert parameter.help, parameter.name
