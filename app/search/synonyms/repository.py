"""The SQL of synonyms."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.search.models import SynonymGroup


def all_groups(session: Session) -> list[SynonymGroup]:
    """Return every group, oldest first."""
    return list(session.exec(select(SynonymGroup).order_by(col(SynonymGroup.id))))


def page(session: Session, after: UUID | None, limit: int) -> tuple[list[SynonymGroup], int]:
    """Return at most `limit` groups in the order of ids after `after`, and how many there are."""
    statement = select(SynonymGroup).order_by(col(SynonymGroup.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(SynonymGroup.id) > after)
    total = session.exec(select(func.count()).select_from(SynonymGroup)).one()
    return list(session.exec(statement)), total


def find(session: Session, group_id: UUID, *, lock: bool = False) -> SynonymGroup | None:
    """Return a group; with a lock nobody else changes it before the commit."""
    statement = select(SynonymGroup).where(col(SynonymGroup.id) == group_id)
    return session.exec(statement.with_for_update() if lock else statement).one_or_none()


def add(session: Session, groups: Iterable[SynonymGroup]) -> None:
    """Insert groups."""
    session.add_all(groups)
    session.flush()


def change(session: Session, group: SynonymGroup, words: list[str]) -> None:
    """Give a group other words."""
    group.words = words
    session.add(group)
    session.flush()


def remove(session: Session, group: SynonymGroup) -> None:
    """Delete a group."""
    session.delete(group)
    session.flush()
