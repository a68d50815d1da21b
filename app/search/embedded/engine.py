"""The embedded engine: an index in a SQLite file that every worker searches and updates.

The entry point of this package. It runs the indexing loop (`synchronizer`) in one thread and hands
searches to `index_reader`.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.settings import Settings
from app.published.follower import NO_MARK
from app.search.embedded.finder import MultiBankSearch
from app.search.embedded.index_file import DamagedIndexError, IndexFiles
from app.search.embedded.index_reader import IndexReader
from app.search.embedded.index_updater import HistoryChangedError
from app.search.embedded.matcher import MAX_MATCHES
from app.search.embedded.synchronizer import StoppingError, Synchronizer
from app.search.engine import SearchRequest, SearchResult

POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0
# The longest time between two checks of the file itself, even if the clock does not change.
FILE_CHECK_SECONDS = 1.0
CUTOFF_SECONDS = 0.5

log = logging.getLogger(__name__)


class EmbeddedEngine:
    """An engine without a search server; it implements `app.search.engine.Engine`."""

    name = "embedded"

    def __init__(
        self, database: Database, settings: Settings, cutoff: float = CUTOFF_SECONDS
    ) -> None:
        """Index what `database` publishes in the data directory; `cutoff` limits each search."""
        self._files = IndexFiles(settings.data_dir)
        self._stopping = threading.Event()
        self._synchronizer = Synchronizer(database, settings, self._files, self._stopping.is_set)
        self._reader = IndexReader(cutoff, self._report_damage)
        self._writer_thread = ThreadPoolExecutor(1, "search-index")
        self._next_file_check = 0.0
        self._suspect: Path | None = None
        self._mark = NO_MARK
        self._up_to_date_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._mark_changed = asyncio.Event()
        database.on_commit(self.nudge)

    @property
    def mark(self) -> Mark:
        """The published state that the index has reached."""
        return self._mark

    @property
    def lag(self) -> float:
        """Seconds since this worker last saw the index up to date; infinite if it never did."""
        return time.monotonic() - self._up_to_date_at if self._up_to_date_at else float("inf")

    def nudge(self) -> None:
        """Let the indexing loop check the clock immediately; callable from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def search(self, request: SearchRequest) -> SearchResult:
        """Return a page of hits; raise EngineUnavailableError if the engine cannot search now."""
        return (await self._reader.run([request], MultiBankSearch.page))[0]

    async def matching_numbers(
        self, requests: Sequence[SearchRequest], limit: int
    ) -> list[list[int]]:
        """Return for each request the numbers of at most `limit` matching questions."""
        wanted = min(limit, MAX_MATCHES)
        return await self._reader.run(requests, lambda search: search.numbers(wanted))

    async def wait_for_mark(self, wanted: Mark, seconds: float) -> bool:
        """Wait until the index has reached `wanted`; return False after `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._mark.covers(wanted):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            self._wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, POLL_SECONDS)):
                    await self._mark_changed.wait()
        return True

    async def run(self) -> None:
        """Keep the index equal to the published questions until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                wait = POLL_SECONDS
                try:
                    if self._is_up_to_date() or await self._synchronize(self._loop):
                        self._up_to_date_at = time.monotonic()
                except (
                    SQLAlchemyError,
                    sqlite3.Error,
                    OSError,
                    HistoryChangedError,
                    DamagedIndexError,
                ):
                    log.exception("the search index could not be updated")
                    wait = RETRY_SECONDS
                # asyncio.wait_for could lose a cancellation that coincides with a nudge.
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
        finally:
            self._stopping.set()

    def close(self) -> None:
        """Wait for running threads and close every file; searches are impossible afterwards."""
        self._stopping.set()
        self._writer_thread.shutdown(wait=True, cancel_futures=True)
        self._reader.close()
        self._synchronizer.close()

    def _is_up_to_date(self) -> bool:
        """Return whether a check without a thread shows that there is nothing to do."""
        woken = self._wake.is_set()
        self._wake.clear()
        if woken or time.monotonic() >= self._next_file_check:
            return False
        return self._synchronizer.clock.read_if_free() == self._mark

    async def _synchronize(self, loop: asyncio.AbstractEventLoop) -> bool:
        done = await loop.run_in_executor(self._writer_thread, self._step)
        self._next_file_check = time.monotonic() + FILE_CHECK_SECONDS if done else 0.0
        return done

    def _step(self) -> bool:
        suspect, self._suspect = self._suspect, None
        try:
            return self._synchronizer.step(self._on_progress, suspect)
        except StoppingError:
            return False

    def _on_progress(self, path: Path, mark: Mark) -> None:
        if not self._reader.is_open_at(path):
            self._reader.open(path)
        if mark != self._mark:
            self._mark = mark
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._wake_waiting)

    def _wake_waiting(self) -> None:
        """Wake everyone in `wait_for_mark`."""
        self._mark_changed.set()
        self._mark_changed = asyncio.Event()

    def _report_damage(self, path: Path) -> None:
        self._suspect = path
        self.nudge()
