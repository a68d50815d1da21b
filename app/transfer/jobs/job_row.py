"""Updates of a job's row, which fail when another process has changed the row."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from app.transfer import repository
from app.transfer.formats.rows import Fault
from app.transfer.models import ImportJob

MAX_REPORTED_ERRORS = 1_000


class JobStoppedError(Exception):
    """The run of a job ends early: the process stops, or another process runs the job."""


def update_row(session: Session, job: ImportJob, values: Mapping[str, Any]) -> None:
    """Write `values` to the job's row; JobStoppedError when another process has changed the row."""
    expected = {"state": job.state, "next_offset": job.next_offset}
    if not repository.update_if_unchanged(session, job.id, expected, values):
        raise JobStoppedError


def set_values(job: ImportJob, values: Mapping[str, Any]) -> None:
    """Set `values` on the job object, after they were written to its row."""
    for name, value in values.items():
        setattr(job, name, value)


def error_values(line: int, error: Fault) -> dict[str, Any]:
    """Return an error of a row as the job's report stores it."""
    return {"line": line, **error._asdict()}
