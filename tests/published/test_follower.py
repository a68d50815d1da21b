"""A follower's memory equals what is public, whatever happens to the database."""

import asyncio
import gc
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

import pytest
from sqlalchemy import text
from sqlmodel import Session

from app.core.db.database import Database
from app.core.db.edition_clock import Mark, bump_config, start_epoch
from app.core.settings import Settings
from app.published import feed_reader
from app.published.follower import Follower, PublishedColumns, PublishedRow
from app.published.publishing import publish, withdraw
from tests.support.publications import make_bank, make_publication


class Memory:
    """The simplest consumer: live revisions by number, and the marks that it received."""

    def __init__(self) -> None:
        self.live: dict[int, int] = {}
        self.marks: list[Mark] = []
        self.resets = 0
        self.loads = 0
        self.warmed = 0

    def reset(self, epoch: str) -> None:
        self.live.clear()
        self.resets += 1

    def fill(self, columns: PublishedColumns) -> None:
        self._take(columns.rows())

    async def warm(self) -> None:
        self.warmed += 1

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        self._take(rows)
        self.marks.append(mark)

    def _take(self, rows: Sequence[PublishedRow]) -> None:
        for row in rows:
            if row.revision is None:
                self.live.pop(row.number, None)
            else:
                self.live[row.number] = row.revision

    def load(self, session: Session) -> None:
        session.connection().execute(text("SELECT count(*) FROM banks"))
        self.loads += 1


def _live(database: Database) -> dict[int, int]:
    with database.read() as session:
        statement = text("SELECT number, revision FROM published WHERE revision IS NOT NULL")
        return dict(tuple(row) for row in session.connection().execute(statement))


def test_it_loads_everything_then_applies_each_change(database: Database) -> None:
    make_bank(database)
    entries = [make_publication() for _ in range(100)]
    with database.write() as session:
        publish(session, entries)
    memory = Memory()
    follower = Follower(database, memory, [memory])

    async def follow() -> None:
        await follower.catch_up()
        assert follower.ready
        assert memory.live == _live(database)
        with database.write() as session:
            withdraw(session, [entry.id for entry in entries[:40]])
        with database.write() as session:
            publish(
                session,
                [make_publication(), make_publication(id=entries[50].id, number=51, revision=2)],
            )
        await follower.catch_up()

    asyncio.run(follow())
    assert memory.live == _live(database)
    assert memory.live[51] == 2
    assert (memory.resets, memory.loads) == (1, 1)
    seqs = [mark.seq for mark in memory.marks]
    assert seqs == sorted(seqs)
    assert follower.mark.seq == 142


def test_loaded_objects_are_frozen_until_following_ends(
    database: Database,
) -> None:
    async def follow_and_cancel() -> None:
        gc.unfreeze()
        follower = Follower(database, Memory(), [])
        running = asyncio.create_task(follower.run())
        async with asyncio.timeout(60):
            while not follower.loaded:
                await asyncio.sleep(0.01)
        assert gc.get_freeze_count() > 0
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert gc.get_freeze_count() == 0

    asyncio.run(follow_and_cancel())


def test_the_configuration_is_loaded_before_the_mark_covers_it(database: Database) -> None:
    memory = Memory()
    follower = Follower(database, memory, [memory])

    async def follow() -> None:
        await follower.catch_up()
        with database.write() as session:
            bump_config(session)
        await follower.catch_up()

    asyncio.run(follow())
    assert memory.loads == 2
    assert memory.marks[-1].config_version == 1


def test_a_new_epoch_causes_a_full_load(database: Database) -> None:
    make_bank(database)
    with database.write() as session:
        publish(session, [make_publication(), make_publication()])
    memory = Memory()
    follower = Follower(database, memory, [])

    async def follow() -> None:
        await follower.catch_up()
        with database.write() as session:
            session.connection().execute(text("DELETE FROM published WHERE number = 2"))
            start_epoch(session)
        await follower.catch_up()

    asyncio.run(follow())
    assert memory.resets == 2
    assert memory.live == {1: 1} == _live(database)


def test_an_older_clock_causes_a_full_load(
    fresh_settings: Callable[..., Settings],
) -> None:
    """A restored backup has the same epoch and a lower seq."""
    database = Database(fresh_settings())
    make_bank(database)
    with database.write() as session:
        publish(session, [make_publication(), make_publication()])
    memory = Memory()
    follower = Follower(database, memory, [])

    async def follow() -> None:
        await follower.catch_up()
        with database.write() as session:
            session.connection().execute(text("DELETE FROM published WHERE seq = 2"))
            session.connection().execute(text("UPDATE clock SET seq = 1"))
        await follower.catch_up()

    asyncio.run(follow())
    assert memory.live == {1: 1}
    assert follower.mark.seq == 1
    database.close()


def test_waiters_wake_up_when_their_mark_is_covered(database: Database) -> None:
    memory = Memory()
    follower = Follower(database, memory, [])
    database.on_commit(follower.nudge)

    async def follow() -> None:
        running = asyncio.create_task(follower.run())
        while not follower.ready:
            await asyncio.sleep(0.001)
        wanted = follower.mark._replace(config_version=1)
        waiting = asyncio.create_task(follower.wait_for(wanted, 5.0))
        await asyncio.sleep(0.01)
        assert not waiting.done()

        def bump() -> None:
            with database.write() as session:
                bump_config(session)

        await asyncio.to_thread(bump)
        assert await waiting
        assert not await follower.wait_for(wanted._replace(config_version=99), 0.05)
        assert memory.warmed == 1
        running.cancel()

    asyncio.run(follow())


def test_a_replaced_file_causes_a_full_load_even_if_its_clock_is_the_same(
    fresh_settings: Callable[..., Settings],
) -> None:
    settings = fresh_settings()
    if not settings.embedded:
        pytest.skip("only an embedded database is one file")
    database = Database(settings)
    make_bank(database)
    with database.write() as session:
        publish(session, [make_publication(), make_publication()])
    memory = Memory()
    follower = Follower(database, memory, [])

    async def follow() -> None:
        await follower.catch_up()
        assert memory.live == {1: 1, 2: 1}
        path = settings.data_dir / "quizwell.db"
        other = path.with_name("other.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(other),))
        with closing(sqlite3.connect(other)) as connection, connection:
            connection.execute("DELETE FROM published WHERE number = 1")
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        other.replace(path)
        await follower.catch_up()

    asyncio.run(follow())
    assert memory.live == {2: 1} == _live(database)
    assert memory.resets == 2
    database.close()


def test_changes_of_several_reads_are_applied_in_the_order_of_seq(database: Database) -> None:
    make_bank(database)
    memory = Memory()
    follower = Follower(database, memory, [])
    asyncio.run(follower.catch_up())
    entries = [make_publication() for _ in range(feed_reader.CHANGED_ROWS + 5)]
    with database.write() as session:
        publish(session, entries)
    asyncio.run(follower.catch_up())
    assert len(memory.live) == len(entries)
    seqs = [mark.seq for mark in memory.marks]
    assert seqs == sorted(seqs)
    assert follower.mark.seq == len(entries)


def test_a_load_that_fails_is_started_again(database: Database) -> None:
    make_bank(database)
    with database.write() as session:
        publish(session, [make_publication()])

    class Failing(Memory):
        def fill(self, columns: PublishedColumns) -> None:
            if self.resets == 1:
                message = "no memory"
                raise MemoryError(message)
            super().fill(columns)

    memory = Failing()
    follower = Follower(database, memory, [])
    with pytest.raises(MemoryError):
        asyncio.run(follower.catch_up())
    assert not follower.ready
    asyncio.run(follower.catch_up())
    assert memory.live == {1: 1}
