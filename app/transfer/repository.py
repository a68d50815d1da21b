"""SQL statements for import jobs."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Update, bindparam, delete, func, select, update
from sqlmodel import Session

from app.core.db.lock_order import check_lock_order
from app.core.db.tables import table_of
from app.transfer.models import OPEN_STATES, ImportJob

_TABLE = table_of(ImportJob)
_OPEN = _TABLE.c.state.in_(OPEN_STATES)


def add(session: Session, job: ImportJob) -> None:
    """Insert a job."""
    session.add(job)
    session.flush()


def find(session: Session, job_id: UUID) -> ImportJob | None:
    """Return the job, always read from the database; None if it does not exist."""
    return session.get(ImportJob, job_id, populate_existing=True)


def open_ids(session: Session) -> list[UUID]:
    """Return the ids of the jobs that have not ended, oldest first."""
    statement = select(_TABLE.c.id).where(_OPEN).order_by(_TABLE.c.created_at, _TABLE.c.id)
    return list(session.execute(statement).scalars())


def newest_created_at(session: Session) -> datetime | None:
    """Return when the newest job was created; None if there is no job."""
    newest: datetime | None = session.execute(select(func.max(_TABLE.c.created_at))).scalar_one()
    return newest


def all_ids(session: Session) -> set[UUID]:
    """Return the ids of all jobs, ended or not."""
    return set(session.execute(select(_TABLE.c.id)).scalars())


def open_count(session: Session, key_id: UUID | None) -> int:
    """Return how many jobs of a key have not ended."""
    statement = select(func.count()).where(_OPEN, _TABLE.c.key_id == key_id)
    return int(session.execute(statement).scalar_one())


def open_bytes(session: Session) -> int:
    """Return the total size, in bytes, of the files of all jobs that have not ended."""
    statement = select(func.coalesce(func.sum(_TABLE.c.size), 0)).where(_OPEN)
    return int(session.execute(statement).scalar_one())


def update_if_unchanged(
    session: Session, job_id: UUID, expected: Mapping[str, Any], values: Mapping[str, Any]
) -> bool:
    """Set columns to `values` if other columns still equal `expected`; return whether they did."""
    check_lock_order(session)
    parameters = {"job_id": job_id}
    parameters |= {f"old_{name}": value for name, value in expected.items()}
    parameters |= {f"new_{name}": value for name, value in values.items()}
    statement = _update_statement(tuple(expected), tuple(values))
    return session.connection().execute(statement, parameters).rowcount == 1


@cache
def _update_statement(expected: tuple[str, ...], changed: tuple[str, ...]) -> Update:
    statement = update(_TABLE).where(_TABLE.c.id == bindparam("job_id"))
    for name in expected:
        statement = statement.where(_TABLE.c[name] == bindparam(f"old_{name}"))
    return statement.values({name: bindparam(f"new_{name}") for name in changed})


def delete_ended(session: Session, before: datetime) -> None:
    """Delete the jobs that ended before `before`, with their reports."""
    session.connection().execute(delete(_TABLE).where(_TABLE.c.ended_at < before))
