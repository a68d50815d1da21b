"""Copies the project, edits the copy, and runs Python in it: proof of what a change needs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

PROJECT = Path(__file__).parent.parent.parent
FOLDERS = ("app", "migrations", "tests", "docs", "seed")
FILES = ("pyproject.toml", "README.md")
TIMEOUT_SECONDS = 600

# A file's new text, or pairs of (old text, new text); each old text occurs exactly once.
Edit: TypeAlias = str | Sequence[tuple[str, str]]

# Variables of the process that runs the tests, which would configure the copy's process.
_FOREIGN_VARIABLES = ("QUIZWELL_", "MEILI_", "PYTEST_", "COV", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class ModifiedCopy:
    """An edited copy of the project in a folder of its own."""

    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with `arguments` in the copy; return its exit code and what it wrote.

        The process imports `app` and `tests` from the copy. Its default data directory, a fresh
        one, is the copy's folder `var`. The result's `stdout` holds standard error as well.
        """
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_FOREIGN_VARIABLES)
        }
        environment["PYTHONPATH"] = str(self.folder)
        environment["QUIZWELL_DATA_DIR"] = str(self.folder / "var")
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def run_tests(self, *paths: str) -> subprocess.CompletedProcess[str]:
        """Run pytest in the copy on `paths`, relative to the project."""
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *paths)


def modified_copy(folder: Path, edits: Mapping[str, Edit]) -> ModifiedCopy:
    """Copy the project into `folder` and apply `edits`, by path relative to the project.

    Raises ValueError for an old text that a file does not hold exactly once.
    """
    for name in FOLDERS:
        shutil.copytree(
            PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for name in FILES:
        shutil.copy(PROJECT / name, folder / name)
    for name, edit in edits.items():
        _apply(folder / name, edit)
    return ModifiedCopy(folder)


def _apply(path: Path, edit: Edit) -> None:
    if isinstance(edit, str):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit)
        return
    text = path.read_text()
    for old, new in edit:
        found = text.count(old)
        if found != 1:
            message = f"{path}: expected the text once, found it {found} times: {old!r}"
            raise ValueError(message)
        text = text.replace(old, new)
    path.write_text(text)
