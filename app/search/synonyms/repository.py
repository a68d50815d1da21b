"""The SQL of synonym groups."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core.db.lock_order import check_lock_order
from app.search.models import SynonymGroup


def all_groups(session: Session) -> list[SynonymGroup]:
    """Return every group, oldest first."""
    return list(session.exec(select(SynonymGroup).order_by(col(SynonymGroup.id))))


def list_page(session: Session, after: UUID | None, limit: int) -> tuple[list[SynonymGroup], int]:
    """Return at most `limit` groups after the id `after`, by id, and the number of all groups."""
    statement = select(SynonymGroup).order_by(col(SynonymGroup.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(SynonymGroup.id) > after)
    total = session.exec(select(func.count()).select_from(SynonymGroup)).one()
    return list(session.exec(statement)), total


def find(session: Session, group_id: UUID, *, lock: bool = False) -> SynonymGroup | None:
    """Return a group or None; with `lock` the row is locked until the commit."""
    if lock:
        check_lock_order(session)
    statement = select(SynonymGroup).where(col(SynonymGroup.id) == group_id)
    return session.exec(statement.with_for_update() if lock else statement).one_or_none()


def add(session: Session, groups: Iterable[SynonymGroup]) -> None:
    """Insert groups."""
    session.add_all(groups)
    session.flush()


def update_words(session: Session, group: SynonymGroup, words: list[str]) -> None:
    """Replace the words of a group."""
    group.words = words
    session.add(group)
    session.flush()


def delete(session: Session, group: SynonymGroup) -> None:
    """Delete a group."""
    session.delete(group)
    session.flush()
