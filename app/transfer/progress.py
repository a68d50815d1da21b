"""Tells people how an import goes: a bar on a terminal, else plain lines; then a report."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.transfer.models import OPEN_STATES, ImportJob

LINE_SECONDS = 5.0
MAX_ROWS_TOLD = 50

Say = Callable[[str], None]


@contextmanager
def shown_progress(name: str, say: Say) -> Iterator[Callable[[ImportJob], None]]:
    """Give what an import tells its progress to, while the block runs."""
    if not sys.stderr.isatty():
        yield _Lines(name, say)
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


class _Lines:
    """A line now and then while a long import runs, none for a short one."""

    def __init__(self, name: str, say: Say) -> None:
        self._name = name
        self._say = say
        self._told_at = time.monotonic()

    def __call__(self, job: ImportJob) -> None:
        now = time.monotonic()
        if job.state in OPEN_STATES and now - self._told_at >= LINE_SECONDS:
            self._told_at = now
            of = "" if job.of is None else f" of {job.of}"
            self._say(f"{self._name}: {job.state}, {job.done}{of} rows")


def report_lines(job: ImportJob) -> Iterator[str]:
    """Yield what became of an import, for people."""
    for row in job.rows[:MAX_ROWS_TOLD]:
        yield _row_line(row)
    if job.error_count > MAX_ROWS_TOLD:
        yield f"… and {job.error_count - MAX_ROWS_TOLD} more"
    if job.unknown_terms:
        named = [f"{term['value']} ({term['vocabulary']})" for term in job.unknown_terms]
        yield f"{'new' if job.create_terms else 'unknown'} terms: {', '.join(named)}"
    if job.state == "refused":
        yield f"refused: nothing was written; {job.error_count} errors in {job.of or 0} rows"
        return
    told = "would be" if job.dry_run else "were"
    yield (
        f"{job.of} rows: {job.created} {told} created, {job.changed} changed, "
        f"{job.unchanged} {'are' if job.dry_run else 'stayed'} as they were"
    )


def _row_line(row: dict[str, Any]) -> str:
    place = f"row {row['line']}" + (f", {row['field']}" if row["field"] else "")
    hint = row["hint"]
    if row["value"] is None:
        return f"{place}: {hint}"
    if hint.startswith(("The ", "There ")):
        return f"{place}: {row['value']!r}, but {hint[0].lower()}{hint[1:]}"
    return f"{place}: {row['value']!r}. {hint}"
