"""Keeps a worker's memory up to date: polls the clock and applies what has changed."""

import asyncio
import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from sqlmodel import Session

from app.core.db.clock_poller import ClockPoller
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.published.feed_columns import PublishedColumns, PublishedRow
from app.published.feed_reader import all_columns, changed_rows
from app.published.file_watch import FileWatch

__all__ = [
    "NO_MARK",
    "ConfigLoader",
    "FeedConsumer",
    "Follower",
    "PublishedColumns",
    "PublishedRow",
]

POLL_SECONDS = 0.05
# How many rows are applied in one step, and how long steps may take together before other tasks of
# the event loop run.
SLICE_SECONDS = 0.002
SLICE_ROWS = 32
# A worker that has not been up to date for so long is not ready.
STALE_SECONDS = 30.0

# The mark of a memory that is not loaded; no real mark covers less.
NO_MARK = Mark("", 0, -1)

log = logging.getLogger(__name__)


class FeedConsumer(Protocol):
    """Holds the public state in memory."""

    def reset(self, epoch: str) -> None:
        """Forget everything; a full load of `epoch` follows."""

    def fill(self, columns: PublishedColumns) -> None:
        """Add a chunk of a full load; chunks come in any order."""

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        """Apply rows in the order of seq; then the state is that of `mark`.

        Without rows: a full load has ended, or only the configuration has changed.
        """

    async def warm(self) -> None:
        """Fill caches after a full load, while requests are served."""


class ConfigLoader(Protocol):
    """Holds banks, keys or vocabularies in memory."""

    def load(self, session: Session) -> None:
        """Read everything again, then replace what was there in one step."""


class Follower:
    """One worker's loop that follows the clock; `mark` is the state of the worker's memory."""

    def __init__(
        self, database: Database, consumer: FeedConsumer, loaders: Sequence[ConfigLoader]
    ) -> None:
        """Follow `database`; `loaders` run, in order, before rows that depend on them."""
        self._database = database
        self._consumer = consumer
        self._loaders = loaders
        self._wake = asyncio.Event()
        # Replaced by a new event at each change, so that every waiter wakes up once.
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._caught_up_at = 0.0
        self._loaded = False
        self._loads = 0
        self._file = FileWatch(database)
        self._file_was_replaced = False
        self._clock = ClockPoller(database)
        self.mark = NO_MARK

    @property
    def loaded(self) -> bool:
        """Whether the worker can respond: everything was loaded."""
        return self._loaded

    @property
    def lag(self) -> float:
        """Seconds since the memory was up to date."""
        return time.monotonic() - self._caught_up_at if self._loaded else float("inf")

    @property
    def ready(self) -> bool:
        """Whether everything was loaded and the lag is small."""
        return self._loaded and self.lag < STALE_SECONDS

    def nudge(self) -> None:
        """Poll now; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Follow until cancelled; retry at the next poll after any exception."""
        self._loop = asyncio.get_running_loop()
        warmed, warming = 0, None
        try:
            while True:
                try:
                    await self.catch_up()
                except Exception:
                    # A loop that ended would let the worker serve an old state for ever.
                    log.exception("the database could not be followed")
                if self._loads > warmed:
                    if warming is not None:
                        warming.cancel()
                    warmed, warming = self._loads, asyncio.create_task(self._warm())
                with suppress(TimeoutError):
                    # asyncio.wait_for would lose a cancellation that comes together with a nudge.
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            gc.unfreeze()
            if warming is not None:
                warming.cancel()

    async def _warm(self) -> None:
        try:
            await self._consumer.warm()
        except Exception:
            log.exception("nothing more could be read ahead")

    async def catch_up(self) -> None:
        """Bring the memory to the clock's mark."""
        # An attribute: if a step below fails, the next call still knows of the replaced file.
        self._file_was_replaced |= self._file.was_replaced()
        now = await self.clock_mark()
        if self._file_was_replaced or now.epoch != self.mark.epoch or now.seq < self.mark.seq:
            await self._reload()
        while self.mark != now and not await self._advance():
            pass
        self._caught_up_at = time.monotonic()

    async def clock_mark(self) -> Mark:
        """Return the clock's mark; raises what the database driver raises."""
        now = self._clock.read_if_free()
        return await asyncio.to_thread(self._clock.read) if now is None else now

    async def wait_for(self, wanted: Mark, seconds: float) -> bool:
        """Poll and wait until the memory covers `wanted`; return False after `seconds`."""
        deadline = time.monotonic() + seconds
        self._wake.set()
        while not self.covers(wanted):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            changed = self._changed
            try:
                async with asyncio.timeout(min(remaining, POLL_SECONDS)):
                    await changed.wait()
            except TimeoutError:
                self._wake.set()
        return True

    def covers(self, wanted: Mark) -> bool:
        """Return whether the memory includes every change up to `wanted`."""
        return self.mark.covers(wanted)

    async def _reload(self) -> None:
        self._loaded = False
        # If the load fails, the next poll starts another one.
        self.mark = NO_MARK
        # No request reads the memory meanwhile, so another thread may change it.
        await asyncio.to_thread(self._load_all)
        self._file_was_replaced = False
        self._loaded = True
        self._loads += 1
        self._notify_waiters()

    def _load_all(self) -> None:
        with self._database.read() as session:
            mark = read_mark(session)
            self._load_config(session)
            self._consumer.reset(mark.epoch)
            with _no_garbage_collection():
                for columns in all_columns(session):
                    self._consumer.fill(columns)
            self._consumer.apply((), mark)
            self.mark = mark
        # Exclude these long-lived objects from garbage collection: a full collection would stop
        # all requests for a while and find no garbage among them.
        gc.freeze()

    async def _advance(self) -> bool:
        """Apply the next changes; return whether these were all, or only a reload can go on."""
        start = self.mark
        mark, rows, is_all = await asyncio.to_thread(self._read_changes, start)
        if mark.epoch != start.epoch or mark.seq < start.seq:
            return True
        slice_began = time.perf_counter()
        for at in range(0, len(rows), SLICE_ROWS):
            part = rows[at : at + SLICE_ROWS]
            self.mark = Mark(mark.epoch, part[-1].seq, mark.config_version)
            self._consumer.apply(part, self.mark)
            if time.perf_counter() - slice_began > SLICE_SECONDS:
                await asyncio.sleep(0)
                slice_began = time.perf_counter()
        if is_all and self.mark != mark:
            self.mark = mark
            self._consumer.apply((), mark)
        self._notify_waiters()
        return is_all

    def _read_changes(self, start: Mark) -> tuple[Mark, list[PublishedRow], bool]:
        with self._database.read() as session:
            mark = read_mark(session)
            if mark.config_version != start.config_version:
                self._load_config(session)
            rows, is_all = changed_rows(session, start.seq)
            return mark, rows, is_all

    def _load_config(self, session: Session) -> None:
        for loader in self._loaders:
            loader.load(session)

    def _notify_waiters(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector, which would traverse millions of objects without cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
