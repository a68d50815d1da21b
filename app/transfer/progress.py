"""Shows the progress and the report of an import on the command line."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.transfer.models import OPEN_STATES, ImportJob

SECONDS_BETWEEN_LINES = 5.0
MAX_PRINTED_ERRORS = 50

PrintLine = Callable[[str], None]


@contextmanager
def shown_progress(name: str, print_line: PrintLine) -> Iterator[Callable[[ImportJob], None]]:
    """Give a callback that shows a job's progress: as a bar on a terminal, else as lines."""
    if not sys.stderr.isatty():
        yield _ProgressLines(name, print_line)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(job: ImportJob) -> None:
            total = None if job.state == "checking" else job.of
            bar.update(task, description=f"{name}: {job.state}", completed=job.done, total=total)

        yield show


class _ProgressLines:
    """Prints a line every few seconds, so none for a short import."""

    def __init__(self, name: str, print_line: PrintLine) -> None:
        self._name = name
        self._print_line = print_line
        self._printed_at = time.monotonic()

    def __call__(self, job: ImportJob) -> None:
        now = time.monotonic()
        if job.state in OPEN_STATES and now - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._printed_at = now
            total = "" if job.of is None else f" of {job.of}"
            self._print_line(f"{self._name}: {job.state}, {job.done}{total} rows")


def report_lines(job: ImportJob) -> Iterator[str]:
    """Yield the report of an import that has ended, as lines of text."""
    for error in job.rows[:MAX_PRINTED_ERRORS]:
        yield _error_line(error)
    if job.error_count > MAX_PRINTED_ERRORS:
        yield f"… and {job.error_count - MAX_PRINTED_ERRORS} more errors"
    if job.unknown_terms:
        terms = [f"{term['value']} ({term['vocabulary']})" for term in job.unknown_terms]
        yield f"{'new' if job.create_terms else 'unknown'} terms: {', '.join(terms)}"
    if job.state == "refused":
        yield f"refused: nothing was written; {job.error_count} errors in {job.of or 0} rows"
    elif job.dry_run:
        yield (
            f"dry run, nothing was written: of {job.of} rows, {job.created} would be created, "
            f"{job.changed} changed, {job.unchanged} unchanged"
        )
    else:
        yield (
            f"{job.of} rows: {job.created} created, {job.changed} changed, "
            f"{job.unchanged} unchanged"
        )


def _error_line(error: dict[str, Any]) -> str:
    position = f"line {error['line']}" + (f", {error['field']}" if error["field"] else "")
    if error["value"] is None:
        return f"{position}: {error['hint']}"
    return f"{position}: {error['value']!r}: {error['hint']}"
