"""No row is locked after the edition clock; on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlmodel import Session

from app.access import repository as access
from app.core.db.database import Database
from app.core.db.edition_clock import advance, bump_config, read_mark, start_epoch, written_mark
from app.core.db.lock_order import LockOrderError
from app.core.http.idempotency import Idempotency
from app.questions import repository as questions
from app.search.synonyms import repository as synonyms
from app.taxonomy import repository as taxonomy
from app.transfer import repository as imports

ANY_ID = UUID(int=7)
NOW = datetime(2026, 12, 1, tzinfo=UTC)

LOCKS: dict[str, Callable[[Session], object]] = {
    "a bank": lambda session: access.find_bank(session, "science", lock=True),
    "banks that a key names": lambda session: access.lock_banks(session, ["science"]),
    "a key": lambda session: access.find_key(session, ANY_ID, {"read": True}),
    "keys to revoke": lambda session: access.revoke(session, [ANY_ID], NOW),
    "the admin keys": access.lock_admin_keys,
    "a term": lambda session: taxonomy.find(session, "tags", "viva", "change"),
    "the category tree": taxonomy.lock_tree,
    "questions": lambda session: questions.lock(session, [ANY_ID]),
    "a bank's external ids": lambda session: questions.lock_bank(session, "science"),
    "terms of a question": lambda session: questions.existing_terms(session, "tags", ["viva"]),
    "synonyms": lambda session: synonyms.find(session, ANY_ID, lock=True),
    "an import": lambda session: imports.update_if_unchanged(session, ANY_ID, {}, {"done": 1}),
    "an Idempotency-Key": lambda session: Idempotency(ANY_ID, "key", "route", b"").record(
        session, 201, "resource"
    ),
}
CLOCK_LOCKS: dict[str, Callable[[Session], object]] = {
    "advance": lambda session: advance(session, 1, 0),
    "start_epoch": start_epoch,
}


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS.keys())
def test_rows_are_locked_before_the_clock(
    database: Database, lock: Callable[[Session], object]
) -> None:
    with database.write() as session:
        lock(session)
        advance(session, 1, 0)
    with database.write() as session:
        advance(session, 1, 0)
        with pytest.raises(LockOrderError):
            lock(session)


@pytest.mark.parametrize("lock_clock", CLOCK_LOCKS.values(), ids=CLOCK_LOCKS.keys())
def test_the_clock_can_be_locked_again_but_nothing_else(
    database: Database, lock_clock: Callable[[Session], object]
) -> None:
    with database.write() as session:
        lock_clock(session)
        lock_clock(session)
    with database.write() as session:
        lock_clock(session)
        with pytest.raises(LockOrderError):
            taxonomy.lock_tree(session)


def test_the_next_transaction_may_lock_rows_again(database: Database) -> None:
    with database.write() as session:
        advance(session, 1, 0)
    with database.write() as session:
        taxonomy.lock_tree(session)


def test_the_config_version_moves_last_and_once(database: Database) -> None:
    with database.read() as session:
        before = read_mark(session)
    with database.write() as session:
        bump_config(session)
        taxonomy.lock_tree(session)
        bump_config(session)
        assert written_mark(session) is None
    expected = before._replace(config_version=before.config_version + 1)
    assert written_mark(session) == expected
    with database.read() as session:
        assert read_mark(session) == expected


def _bump_and_fail(database: Database) -> None:
    with database.write() as session:
        bump_config(session)
        raise ZeroDivisionError


def test_the_config_version_stays_when_the_transaction_fails(database: Database) -> None:
    with database.read() as session:
        before = read_mark(session)
    with pytest.raises(ZeroDivisionError):
        _bump_and_fail(database)
    with database.read() as session:
        assert read_mark(session) == before
