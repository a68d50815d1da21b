"""Shows the progress and the report of an import on the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.core.progress import ProgressUpdate, WriteLine, progress_display
from app.transfer.models import OPEN_STATES, ImportJob

MAX_PRINTED_ERRORS = 50


@contextmanager
def shown_progress(name: str, write_line: WriteLine) -> Iterator[Callable[[ImportJob], None]]:
    """Give a callback that shows a job's progress: as a bar on a terminal, else as lines."""
    with progress_display(name, write_line) as show:
        yield lambda job: show(_progress_update(name, job))


def _progress_update(name: str, job: ImportJob) -> ProgressUpdate:
    total = "" if job.of is None else f" of {job.of}"
    line = f"{name}: {job.state}, {job.done}{total} rows"
    return ProgressUpdate(
        done=job.done,
        total=None if job.state == "checking" else job.of,
        label=f"{name}: {job.state}",
        line=line if job.state in OPEN_STATES else None,
    )


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
