"""Tells people how an import goes: a bar on a terminal, else plain lines; then a report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.core.progress import ProgressUpdate, progress_display
from app.transfer.models import OPEN_STATES, ImportJob

MAX_ROWS_TOLD = 50

Say = Callable[[str], None]


@contextmanager
def shown_progress(name: str, say: Say) -> Iterator[Callable[[ImportJob], None]]:
    """Give what an import tells its progress to, while the block runs."""
    with progress_display(name, say) as show:
        yield lambda job: show(_progress_update(name, job))


def _progress_update(name: str, job: ImportJob) -> ProgressUpdate:
    of = "" if job.of is None else f" of {job.of}"
    line = f"{name}: {job.state}, {job.done}{of} rows"
    return ProgressUpdate(
        done=job.done,
        total=None if job.state == "checking" else job.of,
        label=f"{name}: {job.state}",
        line=line if job.state in OPEN_STATES else None,
    )


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
