"""The SQL of banks and keys."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlmodel import Session

from app.access.models import ApiKey, Bank
from app.core.db.lock_order import check_lock_order
from app.core.db.references import count_references
from app.core.db.tables import table_of

BANKS = table_of(Bank)
KEYS = table_of(ApiKey)
# An arbitrary number: the key of an advisory lock on PostgreSQL.
ADVISORY_LOCK = 7_281_947_116

_IS_VALID = KEYS.c.revoked_at.is_(None)


def find_bank(session: Session, slug: str, *, lock: bool = False) -> Bank | None:
    """Return a bank, or None.

    With `lock`, no other transaction can change it or start to refer to it before the commit.
    """
    if lock:
        check_lock_order(session)
    return session.get(Bank, slug, with_for_update=lock or None, populate_existing=True)


def bank_page(session: Session, after: str, limit: int) -> tuple[list[Bank], int]:
    """Return at most `limit` banks with slugs after `after`, in order, and the total count."""
    statement = select(Bank).where(BANKS.c.slug > after).order_by(BANKS.c.slug).limit(limit)
    total = session.execute(select(func.count()).select_from(BANKS)).scalar_one()
    return list(session.execute(statement).scalars()), total


def lock_banks(session: Session, slugs: Collection[str]) -> dict[str, str]:
    """Return {slug: exposure} of the banks that exist; they cannot be deleted before the commit."""
    check_lock_order(session)
    statement = select(BANKS.c.slug, BANKS.c.exposure).where(BANKS.c.slug.in_(slugs))
    locked = statement.order_by(BANKS.c.slug).with_for_update(read=True, key_share=True)
    return {row.slug: row.exposure for row in session.connection().execute(locked)}


def bank_slugs(session: Session) -> list[str]:
    """Return the slugs of all banks."""
    return list(session.connection().execute(select(BANKS.c.slug)).scalars())


def count_bank_references(session: Session, slug: str) -> int:
    """Return the number of rows that belong to a bank."""
    counts = count_references(session, BANKS.c.slug, slug)
    # Rows of `published` are questions, too: they are counted once.
    if "questions" in counts:
        counts.pop("published", None)
    return sum(counts.values())


def remove_bank(session: Session, slug: str) -> None:
    """Delete a bank without references, and remove it from the keys that name it.

    So these keys get no access to a later bank with the same slug.
    """
    keys = session.connection().execute(select(KEYS.c.id, KEYS.c.banks).order_by(KEYS.c.id))
    for key_id, banks in keys.all():
        if slug in banks:
            others = [bank for bank in banks if bank != slug]
            statement = update(KEYS).where(KEYS.c.id == key_id).values(banks=others)
            session.connection().execute(statement)
    session.connection().execute(delete(BANKS).where(BANKS.c.slug == slug))


def find_key(
    session: Session, key_id: UUID, lock: Mapping[str, bool] | None = None
) -> ApiKey | None:
    """Return a key that is not revoked, or None; `lock` has the options of FOR UPDATE."""
    if lock is not None:
        check_lock_order(session)
    key = session.get(ApiKey, key_id, with_for_update=lock, populate_existing=True)  # type: ignore[arg-type] # SQLAlchemy takes a mapping
    return key if key is not None and key.revoked_at is None else None


def key_page(
    session: Session, among: Collection[UUID] | None, before: UUID | None, limit: int
) -> tuple[list[ApiKey], int]:
    """Return at most `limit` keys older than `before`, newest first, and the total count.

    Only keys in `among` are considered, or all if that is None.
    """
    conditions: list[ColumnElement[bool]] = [_IS_VALID]
    if among is not None:
        conditions.append(KEYS.c.id.in_(among))
    total = session.execute(select(func.count()).select_from(KEYS).where(*conditions)).scalar_one()
    statement = select(ApiKey).where(*conditions).order_by(KEYS.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(KEYS.c.id < before)
    return list(session.execute(statement).scalars()), total


def with_descendants(session: Session, key_id: UUID) -> set[UUID]:
    """Return a key and its descendants: the keys it made, the keys they made, and so on.

    Revoked keys are included.
    """
    family = select(KEYS.c.id).where(KEYS.c.id == key_id).cte("family", recursive=True)
    family = family.union(select(KEYS.c.id).join(family, KEYS.c.made_by == family.c.id))
    return set(session.connection().execute(select(family.c.id)).scalars())


def revoke(session: Session, keys: Collection[UUID], moment: datetime) -> int:
    """Revoke the keys that are not revoked yet; return how many."""
    check_lock_order(session)
    among = KEYS.c.id.in_(keys) & _IS_VALID
    # Locked in the order of ids, so that two transactions cannot deadlock.
    session.connection().execute(
        select(KEYS.c.id).where(among).order_by(KEYS.c.id).with_for_update()
    )
    statement = update(KEYS).where(among).values(revoked_at=moment)
    return session.connection().execute(statement).rowcount


def set_last_used(session: Session, moments: Mapping[UUID, datetime]) -> None:
    """Set when keys were last used, if that is later than the stored time."""
    for key_id, moment in sorted(moments.items()):
        later = KEYS.c.last_used_at.is_(None) | (KEYS.c.last_used_at < moment)
        session.connection().execute(
            update(KEYS).where(KEYS.c.id == key_id, later).values(last_used_at=moment)
        )


def lock_admin_keys(session: Session) -> None:
    """Let one process at a time create the admin key; SQLite has one writer anyway."""
    check_lock_order(session)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def keys_where(session: Session, *conditions: Any) -> list[ApiKey]:  # noqa: ANN401 - SQLAlchemy's expressions
    """Return the keys that fulfil all conditions, including revoked ones."""
    return list(session.execute(select(ApiKey).where(*conditions).order_by(KEYS.c.id)).scalars())
