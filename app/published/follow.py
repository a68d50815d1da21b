"""How a worker keeps its memory equal to what is public: it polls the clock and applies what came."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.core.clock import Mark, read_mark
from app.core.database import Database

POLL_SECONDS = 0.05
SLICE_SECONDS = 0.002
SLICE_ROWS = 32
FETCH_ROWS = 20_000
STALE_SECONDS = 30.0

NO_MARK = Mark("", 0, -1)

log = logging.getLogger(__name__)


class PublishedRow(NamedTuple):
    """One row of the change feed; `id` is 16 bytes, lists are comma-joined slugs, times milliseconds."""

    number: int
    id: bytes
    bank: str
    seq: int
    revision: int | None
    kind: str
    categories: str
    companies: str
    tags: str
    levels: str
    difficulty: str
    language: str
    published_at: int
    updated_at: int


class Applier(Protocol):
    """What holds the public state in memory."""

    def reset(self, epoch: str) -> None:
        """Forget everything: the history of `epoch` follows from its start."""

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        """Take rows in the order of `seq`; afterwards the state is that of `mark`.

        Rows are empty when only terms moved. A full load comes in the order of `number`.
        """


class TermsLoader(Protocol):
    """What keeps rules, keys or vocabularies in memory."""

    def load(self, session: Session) -> None:
        """Read everything anew and put it in place of what was there, at once."""


class Follower:
    """One worker's loop over the clock; `mark` is the state that its memory has reached."""

    def __init__(
        self, database: Database, applier: Applier, loaders: Sequence[TermsLoader]
    ) -> None:
        """Follow `database`; `loaders` run, in order, before rows that depend on them."""
        self._database = database
        self._applier = applier
        self._loaders = loaders
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen_at = 0.0
        self._loaded = False
        self.mark = NO_MARK

    @property
    def loaded(self) -> bool:
        """Whether everything was loaded, so that there is something to serve."""
        return self._loaded

    @property
    def lag(self) -> float:
        """Seconds since this worker last knew that it held everything."""
        return time.monotonic() - self._seen_at if self._loaded else float("inf")

    @property
    def ready(self) -> bool:
        """Whether everything was loaded once and the worker is not far behind."""
        return self._loaded and self.lag < STALE_SECONDS

    def nudge(self) -> None:
        """Poll at once; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Follow until cancelled; a database that fails is asked again at the next poll."""
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                await self.catch_up()
            except SQLAlchemyError:
                log.exception("the database could not be followed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            self._wake.clear()

    async def catch_up(self) -> None:
        """Bring the memory to where the clock stands now."""
        now = await asyncio.to_thread(self._read_clock)
        if now != self.mark:
            if now.epoch != self.mark.epoch or now.seq < self.mark.seq:
                await self._reload()
            else:
                await self._advance()
        self._seen_at = time.monotonic()

    async def reach(self, wanted: Mark, seconds: float) -> bool:
        """Wait until `wanted` is reached, polling at once; False when that takes too long."""
        deadline = time.monotonic() + seconds
        self._wake.set()
        while not self.covers(wanted):
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            moved = self._moved
            try:
                await asyncio.wait_for(moved.wait(), min(rest, POLL_SECONDS))
            except TimeoutError:
                self._wake.set()
        return True

    def covers(self, wanted: Mark) -> bool:
        """Return whether the memory holds at least the state `wanted`."""
        mark = self.mark
        return mark.epoch == wanted.epoch and mark.seq >= wanted.seq and mark.terms >= wanted.terms

    def _read_clock(self) -> Mark:
        with self._database.engine.connect() as connection:
            return read_mark(connection)

    async def _reload(self) -> None:
        self._loaded = False
        # Nothing is served while this runs, so it may hold the memory from another thread.
        await asyncio.to_thread(self._load_all)
        self._loaded = True
        self._tell()

    def _load_all(self) -> None:
        with self._database.read() as session:
            mark = read_mark(session)
            self._load_terms(session)
            self._applier.reset(mark.epoch)
            for rows in _rows(session, "ORDER BY number"):
                self._applier.apply(rows, mark)
            self._applier.apply((), mark)
            self.mark = mark

    async def _advance(self) -> None:
        start = self.mark
        mark, chunks = await asyncio.to_thread(self._read_changes, start)
        if mark.epoch != start.epoch:
            return
        began = time.perf_counter()
        for rows in chunks:
            for at in range(0, len(rows), SLICE_ROWS):
                part = rows[at : at + SLICE_ROWS]
                self.mark = Mark(mark.epoch, part[-1].seq, mark.terms)
                self._applier.apply(part, self.mark)
                if time.perf_counter() - began > SLICE_SECONDS:
                    await asyncio.sleep(0)
                    began = time.perf_counter()
        if self.mark != mark:
            self.mark = mark
            self._applier.apply((), mark)
        self._tell()

    def _read_changes(self, start: Mark) -> tuple[Mark, list[list[PublishedRow]]]:
        with self._database.read() as session:
            mark = read_mark(session)
            if mark.terms != start.terms:
                self._load_terms(session)
            chunks = list(_rows(session, f"WHERE seq > {start.seq:d} ORDER BY seq"))
            return mark, chunks

    def _load_terms(self, session: Session) -> None:
        for loader in self._loaders:
            loader.load(session)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


def _rows(session: Session, tail: str) -> Iterator[list[PublishedRow]]:
    # The driver's rows, untouched: a million of them must be read in a few seconds.
    columns = ", ".join(PublishedRow._fields)
    statement = f"SELECT {columns} FROM published {tail}"  # noqa: S608 - no user text in it
    cursor = session.connection(execution_options={"stream_results": True}).exec_driver_sql(
        statement
    )
    while raw := cursor.fetchmany(FETCH_ROWS):
        yield [PublishedRow(row[0], _sixteen(row[1]), *row[2:]) for row in raw]


def _sixteen(value: UUID | str) -> bytes:
    return value.bytes if isinstance(value, UUID) else bytes.fromhex(value)
