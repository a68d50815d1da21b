"""Revocations and bank rules apply on every worker: two follow a database, one writes to it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest

from app.access import service
from app.access.access_snapshot import AccessSnapshot
from app.access.models import ApiKey
from app.access.rights import ANONYMOUS, Caller
from app.access.schemas import BankWrite, KeyWrite
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.core.http.idempotency import Idempotency
from app.core.settings import Settings
from app.published.feed_columns import PublishedColumns, PublishedRow
from app.published.follower import Follower
from tests.support.databases import ADMIN_KEY

NO_IDEMPOTENCY = Idempotency(None, None, "", b"")
MAX_SECONDS = 1.0


class EmptyCatalog:
    """A catalog that ignores all questions."""

    def reset(self, epoch: str) -> None:
        pass

    def fill(self, columns: PublishedColumns) -> None:
        pass

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        pass

    async def warm(self) -> None:
        pass


class Worker:
    """The follower of one worker process, with its own database object and snapshot."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings)
        self.access = AccessSnapshot(settings)
        self.follower = Follower(self.database, EmptyCatalog(), [self.access])

    def caller(self, secret: str) -> Caller | None:
        try:
            return self.access.keyring.authenticate({b"authorization": f"Bearer {secret}".encode()})
        except Problem:
            return None


async def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@pytest.fixture
def admin(database: Database, settings: Settings) -> Caller:
    with database.write() as session:
        service.ensure_admin_key(session, settings)
    access = AccessSnapshot(settings)
    with database.read() as session:
        access.load(session)
    return access.keyring.authenticate({b"authorization": f"Bearer {ADMIN_KEY}".encode()})


def _make_key(database: Database, settings: Settings, admin: Caller) -> tuple[ApiKey, str]:
    values = KeyWrite(name="x", kind="secret", scopes=["questions:write"], banks=["*"])
    with database.write() as session:
        return service.create_key(session, settings, admin, values, NO_IDEMPOTENCY)


def _write_bank(database: Database, admin: Caller, **rules: str) -> None:
    values = BankWrite.model_validate({"slug": "science", "name": "Science"} | rules)
    with database.write() as session:
        try:
            bank = service.find_bank(session, "science", lock=True)
        except Problem:
            service.create_bank(session, admin, values, NO_IDEMPOTENCY)
        else:
            service.update_bank(session, admin, bank, values)


def _revoke(database: Database, admin: Caller, key: ApiKey) -> None:
    with database.write() as session:
        service.revoke_key(session, service.find_key(session, admin, key.id), descendants=False)


def test_changes_apply_on_every_worker_within_a_second(
    database: Database, settings: Settings, admin: Caller
) -> None:
    workers = [Worker(settings), Worker(settings)]

    async def soon(see: Callable[[Worker], object], expected: object) -> None:
        await _wait_until(lambda: all(see(worker) == expected for worker in workers))

    def reads(worker: Worker) -> tuple[bool, bool]:
        rights = worker.access.rights
        return (
            "science" in rights.readable(ANONYMOUS),
            "science" in rights.answerable(ANONYMOUS),
        )

    async def follow() -> None:
        running = [asyncio.create_task(worker.follower.run()) for worker in workers]
        key, secret = await asyncio.to_thread(_make_key, database, settings, admin)
        await soon(lambda worker: worker.caller(secret) is not None, expected=True)
        await asyncio.to_thread(_revoke, database, admin, key)
        await soon(lambda worker: worker.caller(secret), expected=None)
        for rules, expected in (
            ({"read": "public"}, (True, False)),
            ({"read": "public", "answers": "public"}, (True, True)),
            ({"read": "restricted", "answers": "public"}, (False, False)),
            ({"read": "public", "exposure": "exam"}, (False, False)),
        ):
            await asyncio.to_thread(_write_bank, database, admin, **rules)
            await soon(reads, expected)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(follow())
    for worker in workers:
        worker.database.close()


def test_a_key_that_another_worker_revoked_creates_no_key(
    database: Database, settings: Settings, admin: Caller
) -> None:
    """The worker process may not know it yet, but the database does."""
    with database.read() as session:
        key = service.find_key(session, admin, admin.key_id or UUID(int=0))
    _revoke(database, admin, key)
    with pytest.raises(Problem) as refused:
        _make_key(database, settings, admin)
    assert refused.value.code == "invalid_key"


def test_last_uses_are_written_later_and_never_set_back(
    database: Database, settings: Settings, admin: Caller
) -> None:
    usage = AccessSnapshot(settings).usage
    usage.flush(database)
    key, _ = _make_key(database, settings, admin)
    usage.record(key.id)
    recorded = usage.last_used(key.id, None)
    usage.flush(database)
    assert usage.last_used(key.id, None) is None

    def stored() -> object:
        with database.read() as session:
            return service.find_key(session, admin, key.id).last_used_at

    assert stored() == recorded
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE api_keys SET last_used_at = 9999999999999")
    later = stored()
    usage.record(key.id)
    usage.flush(database)
    assert stored() == later
