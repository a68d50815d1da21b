"""The SQL of banks and keys."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlmodel import Session

from app.access.models import ApiKey, Bank
from app.core.db.lock_order import check_lock_order
from app.core.db.references import count_uses
from app.core.db.tables import table_of

BANKS = table_of(Bank)
KEYS = table_of(ApiKey)
# An arbitrary number that names our advisory lock on PostgreSQL.
ADVISORY_LOCK = 7_281_947_116

_VALID = KEYS.c.revoked_at.is_(None)


def find_bank(session: Session, slug: str, *, lock: bool = False) -> Bank | None:
    """Return a bank; with `lock` nobody else changes it or comes to use it before the commit."""
    if lock:
        check_lock_order(session)
    return session.get(Bank, slug, with_for_update=lock or None, populate_existing=True)


def page_of_banks(session: Session, after: str, limit: int) -> tuple[list[Bank], int]:
    """Return at most `limit` banks in the order of slugs after `after`, and how many there are."""
    statement = select(Bank).where(BANKS.c.slug > after).order_by(BANKS.c.slug).limit(limit)
    total = session.execute(select(func.count()).select_from(BANKS)).scalar_one()
    return list(session.execute(statement).scalars()), total


def existing_banks(session: Session, slugs: Collection[str]) -> dict[str, str]:
    """Return the exposure of those banks that exist, each kept from removal until the commit."""
    check_lock_order(session)
    statement = select(BANKS.c.slug, BANKS.c.exposure).where(BANKS.c.slug.in_(slugs))
    locked = statement.order_by(BANKS.c.slug).with_for_update(read=True, key_share=True)
    return {row.slug: row.exposure for row in session.connection().execute(locked)}


def bank_slugs(session: Session) -> list[str]:
    """Return every bank's slug."""
    return list(session.connection().execute(select(BANKS.c.slug)).scalars())


def count_bank_uses(session: Session, slug: str) -> int:
    """Return how many rows belong to a bank."""
    uses = count_uses(session, BANKS.c.slug, slug)
    # What is public are questions that are counted already.
    if "questions" in uses:
        uses.pop("published", None)
    return sum(uses.values())


def remove_bank(session: Session, slug: str) -> None:
    """Delete a bank that nothing belongs to, and take it off the keys that were for it.

    A bank that is made later under the same slug is another one.
    """
    keys = session.connection().execute(select(KEYS.c.id, KEYS.c.banks).order_by(KEYS.c.id))
    for key_id, banks in keys.all():
        if slug in banks:
            rest = [bank for bank in banks if bank != slug]
            session.connection().execute(update(KEYS).where(KEYS.c.id == key_id).values(banks=rest))
    session.connection().execute(delete(BANKS).where(BANKS.c.slug == slug))


def find_key(
    session: Session, key_id: UUID, lock: Mapping[str, bool] | None = None
) -> ApiKey | None:
    """Return a key that is not revoked."""
    if lock is not None:
        check_lock_order(session)
    key = session.get(ApiKey, key_id, with_for_update=lock, populate_existing=True)  # type: ignore[arg-type] # SQLAlchemy takes a mapping
    return key if key is not None and key.revoked_at is None else None


def page_of_keys(
    session: Session, among: Collection[UUID] | None, before: UUID | None, limit: int
) -> tuple[list[ApiKey], int]:
    """Return at most `limit` keys, newest first, and how many there are; None stands for any."""
    conditions: list[ColumnElement[bool]] = [_VALID]
    if among is not None:
        conditions.append(KEYS.c.id.in_(among))
    total = session.execute(select(func.count()).select_from(KEYS).where(*conditions)).scalar_one()
    statement = select(ApiKey).where(*conditions).order_by(KEYS.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(KEYS.c.id < before)
    return list(session.execute(statement).scalars()), total


def line_of(session: Session, key_id: UUID) -> set[UUID]:
    """Return a key, what it made, what that made, and so on, revoked ones too."""
    line = select(KEYS.c.id).where(KEYS.c.id == key_id).cte("line", recursive=True)
    line = line.union(select(KEYS.c.id).join(line, KEYS.c.made_by == line.c.id))
    return set(session.connection().execute(select(line.c.id)).scalars())


def revoke(session: Session, keys: Collection[UUID], moment: datetime) -> int:
    """Revoke those of the keys that are not revoked; return how many."""
    check_lock_order(session)
    among = KEYS.c.id.in_(keys) & _VALID
    # Locked in one order, whoever else revokes some of them.
    session.connection().execute(
        select(KEYS.c.id).where(among).order_by(KEYS.c.id).with_for_update()
    )
    statement = update(KEYS).where(among).values(revoked_at=moment)
    return session.connection().execute(statement).rowcount


def note_usage(session: Session, moments: Mapping[UUID, datetime]) -> None:
    """Set when keys were last used, if that is later than what is known."""
    for key_id, moment in sorted(moments.items()):
        later = KEYS.c.last_used_at.is_(None) | (KEYS.c.last_used_at < moment)
        session.connection().execute(
            update(KEYS).where(KEYS.c.id == key_id, later).values(last_used_at=moment)
        )


def lock_admin_keys(session: Session) -> None:
    """Let one process at a time see to the admin key; SQLite has one writer anyway."""
    check_lock_order(session)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def keys_where(session: Session, *conditions: Any) -> list[ApiKey]:  # noqa: ANN401 - SQLAlchemy's expressions
    """Return the keys for which all conditions hold, revoked ones too."""
    return list(session.execute(select(ApiKey).where(*conditions).order_by(KEYS.c.id)).scalars())
