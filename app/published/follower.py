"""How a worker keeps its memory equal to what is public: it polls and applies what came."""

import asyncio
import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from sqlmodel import Session

from app.core.db.clock_poller import ClockWatch
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.published.feed_columns import Columns, PublishedRow
from app.published.feed_reader import all_columns, changed_rows
from app.published.file_watch import FileWatch

__all__ = ["NO_MARK", "Applier", "Columns", "Follower", "PublishedRow", "TermsLoader"]

POLL_SECONDS = 0.05
SLICE_SECONDS = 0.002
SLICE_ROWS = 32
STALE_SECONDS = 30.0

NO_MARK = Mark("", 0, -1)

log = logging.getLogger(__name__)


class Applier(Protocol):
    """What holds the public state in memory."""

    def reset(self, epoch: str) -> None:
        """Forget everything: the history of `epoch` follows from its start."""

    def fill(self, columns: Columns) -> None:
        """Take a part of everything, in any order, after a reset."""

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        """Take rows in the order of `seq`; afterwards the state is that of `mark`.

        Rows are empty when only terms moved, and at the end of a full load.
        """

    async def warm(self) -> None:
        """Read ahead what requests will need; runs beside them after a full load."""


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
        self._loads = 0
        self._file = FileWatch(database)
        self._replaced = False
        self._clock = ClockWatch(database)
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
        """Follow until cancelled; whatever fails is tried again at the next poll."""
        self._loop = asyncio.get_running_loop()
        warmed, warming = 0, None
        try:
            while True:
                try:
                    await self.catch_up()
                except Exception:
                    # A worker that stopped following would serve a state that is over for good.
                    log.exception("the database could not be followed")
                if self._loads > warmed:
                    if warming is not None:
                        warming.cancel()
                    warmed, warming = self._loads, asyncio.create_task(self._warm())
                with suppress(TimeoutError):
                    # wait_for would lose a cancellation that comes together with a nudge.
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            gc.unfreeze()
            if warming is not None:
                warming.cancel()

    async def _warm(self) -> None:
        try:
            await self._applier.warm()
        except Exception:
            log.exception("nothing more could be read ahead")

    async def catch_up(self) -> None:
        """Bring the memory to where the clock stands now."""
        # Whatever fails below, a file that was put in place of another is not forgotten.
        self._replaced |= self._file.was_replaced()
        now = await self.look()
        if self._replaced or now.epoch != self.mark.epoch or now.seq < self.mark.seq:
            await self._reload()
        while self.mark != now and not await self._advance():
            pass
        self._seen_at = time.monotonic()

    async def look(self) -> Mark:
        """Return where the clock stands; whatever the driver raises where it cannot be read."""
        now = self._clock.glance()
        return await asyncio.to_thread(self._clock.read) if now is None else now

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
                async with asyncio.timeout(min(rest, POLL_SECONDS)):
                    await moved.wait()
            except TimeoutError:
                self._wake.set()
        return True

    def covers(self, wanted: Mark) -> bool:
        """Return whether the memory holds at least the state `wanted`."""
        return self.mark.covers(wanted)

    async def _reload(self) -> None:
        self._loaded = False
        # Should it fail half-way, the next poll begins anew.
        self.mark = NO_MARK
        # Nothing is served while this runs, so it may hold the memory from another thread.
        await asyncio.to_thread(self._load_all)
        self._replaced = False
        self._loaded = True
        self._loads += 1
        self._tell()

    def _load_all(self) -> None:
        with self._database.read() as session:
            mark = read_mark(session)
            self._load_terms(session)
            self._applier.reset(mark.epoch)
            with _no_collection():
                for columns in all_columns(session):
                    self._applier.fill(columns)
            self._applier.apply((), mark)
            self.mark = mark
        # What lives as long as the worker is looked through for cycles no more: that would stop
        # every request for a tenth of a second and more, again and again, and find nothing.
        gc.freeze()

    async def _advance(self) -> bool:
        """Apply what came next; True when that was all, or when only a reload can go on."""
        start = self.mark
        mark, rows, is_all = await asyncio.to_thread(self._read_changes, start)
        if mark.epoch != start.epoch or mark.seq < start.seq:
            return True
        began = time.perf_counter()
        for at in range(0, len(rows), SLICE_ROWS):
            part = rows[at : at + SLICE_ROWS]
            self.mark = Mark(mark.epoch, part[-1].seq, mark.config_version)
            self._applier.apply(part, self.mark)
            if time.perf_counter() - began > SLICE_SECONDS:
                await asyncio.sleep(0)
                began = time.perf_counter()
        if is_all and self.mark != mark:
            self.mark = mark
            self._applier.apply((), mark)
        self._tell()
        return is_all

    def _read_changes(self, start: Mark) -> tuple[Mark, list[PublishedRow], bool]:
        with self._database.read() as session:
            mark = read_mark(session)
            if mark.config_version != start.config_version:
                self._load_terms(session)
            rows, is_all = changed_rows(session, start.seq)
            return mark, rows, is_all

    def _load_terms(self, session: Session) -> None:
        for loader in self._loaders:
            loader.load(session)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector of cycles from going through millions of rows that hold none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
