"""A follower's memory equals what is public, whatever happens to it."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import text
from sqlmodel import Session

from app.core.clock import Mark, bump_terms, start_epoch
from app.core.database import Database
from app.core.settings import Settings
from app.published.bridge import put, withdraw
from app.published.follow import Follower, PublishedRow
from tests.support.publications import make_bank, make_publication


class Memory:
    """The simplest applier: what is live by number, and the marks it was told."""

    def __init__(self) -> None:
        self.live: dict[int, int] = {}
        self.marks: list[Mark] = []
        self.resets = 0
        self.loads = 0

    def reset(self, epoch: str) -> None:
        self.live.clear()
        self.resets += 1

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        for row in rows:
            if row.revision is None:
                self.live.pop(row.number, None)
            else:
                self.live[row.number] = row.revision
        self.marks.append(mark)

    def load(self, session: Session) -> None:
        session.connection().execute(text("SELECT count(*) FROM banks"))
        self.loads += 1


def _live(database: Database) -> dict[int, int]:
    with database.read() as session:
        statement = text("SELECT number, revision FROM published WHERE revision IS NOT NULL")
        return dict(tuple(row) for row in session.connection().execute(statement))


def test_it_loads_everything_then_follows_each_change(database: Database) -> None:
    make_bank(database)
    entries = [make_publication() for _ in range(100)]
    with database.write() as session:
        put(session, entries)
    memory = Memory()
    follower = Follower(database, memory, [memory])

    async def follow() -> None:
        await follower.catch_up()
        assert follower.ready
        assert memory.live == _live(database)
        with database.write() as session:
            withdraw(session, [entry.id for entry in entries[:40]])
        with database.write() as session:
            put(
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


def test_terms_are_read_anew_before_the_mark_tells_of_them(database: Database) -> None:
    memory = Memory()
    follower = Follower(database, memory, [memory])

    async def follow() -> None:
        await follower.catch_up()
        with database.write() as session:
            bump_terms(session)
        await follower.catch_up()

    asyncio.run(follow())
    assert memory.loads == 2
    assert memory.marks[-1].terms == 1


def test_a_new_epoch_makes_it_read_everything_anew(database: Database) -> None:
    make_bank(database)
    with database.write() as session:
        put(session, [make_publication(), make_publication()])
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


def test_a_restored_file_with_an_older_clock_is_noticed(
    fresh_settings: Callable[..., Settings],
) -> None:
    """A backup that was put back has the same epoch and a lower seq: the worker reloads."""
    database = Database(fresh_settings())
    make_bank(database)
    with database.write() as session:
        put(session, [make_publication(), make_publication()])
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


def test_whoever_demands_a_mark_is_woken_when_it_is_reached(database: Database) -> None:
    memory = Memory()
    follower = Follower(database, memory, [])
    database.listen(follower.nudge)

    async def follow() -> None:
        running = asyncio.create_task(follower.run())
        while not follower.ready:
            await asyncio.sleep(0.001)
        wanted = follower.mark._replace(terms=1)
        waiting = asyncio.create_task(follower.reach(wanted, 5.0))
        await asyncio.sleep(0.01)
        assert not waiting.done()

        def bump() -> None:
            with database.write() as session:
                bump_terms(session)

        await asyncio.to_thread(bump)
        assert await waiting
        assert not await follower.reach(wanted._replace(terms=99), 0.05)
        running.cancel()

    asyncio.run(follow())
