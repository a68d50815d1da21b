"""The embedded engine: SQLite FTS5 in a file of its own, which every worker keeps up."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.settings import Settings
from app.published.follower import NO_MARK
from app.search.embedded.finder import Deadline, Search, Stage
from app.search.embedded.index_file import DamagedError, Store, inode, is_damage, open_index
from app.search.embedded.interpretation import Equals, Reader
from app.search.embedded.lexicon_cache import Lexicons
from app.search.embedded.matcher import MOST, BankSearch, BankTable
from app.search.embedded.postings import Postings
from app.search.embedded.synchronizer import HistoryError, StoppedError, Synchronizer
from app.search.embedded.tables import read_banks
from app.search.engine import Asked, EngineUnavailableError, Found, Synonyms

POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0
# The file itself is looked at so often, even where the clock stands still.
STEP_SECONDS = 1.0
CUTOFF_SECONDS = 0.5
THREADS = 4
# More searches than that are not taken on.
MOST_WAITING = 64
# SQLite asks after as many steps whether to go on.
STEPS = 2000
REMEMBERED = 64

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _File:
    """One index file as this worker knows it."""

    path: Path
    inode: int
    lexicons: Lexicons
    postings: Postings
    connections: list[sqlite3.Connection] = field(default_factory=list)


class EmbeddedEngine:
    """The engine where there is no server."""

    name = "embedded"

    def __init__(
        self, database: Database, settings: Settings, cutoff: float = CUTOFF_SECONDS
    ) -> None:
        """Index what `database` publishes, in the data directory; end searches after `cutoff`."""
        self._cutoff = cutoff
        self._store = Store(settings.data_dir)
        self._stopping = threading.Event()
        self._step_at = 0.0
        self._sync = Synchronizer(database, settings, self._store, self._stopping.is_set)
        self._pool = ThreadPoolExecutor(THREADS, "search")
        self._background = ThreadPoolExecutor(1, "search-words")
        self._writer = ThreadPoolExecutor(1, "search-index")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._file: _File | None = None
        self._suspect: Path | None = None
        self._mark = NO_MARK
        self._equals = Equals({})
        self._remembered: OrderedDict[object, tuple[Asked, list[Stage]]] = OrderedDict()
        self._waiting = 0
        self._seen_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        database.listen(self.nudge)

    @property
    def mark(self) -> Mark:
        """The state of what is public that the index has reached."""
        return self._mark

    @property
    def lag(self) -> float:
        """Seconds since this worker last knew the index to hold everything."""
        return time.monotonic() - self._seen_at if self._seen_at else float("inf")

    def nudge(self) -> None:
        """Look at the clock at once; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def search(self, asked: Asked) -> Found:
        """Return the page of hits; EngineUnavailableError when there can be none now."""
        return (await self._ask(lambda: self._with_searches([asked], Search.page)))[0]

    async def numbers(self, searches: Sequence[Asked], most: int) -> list[list[int]]:
        """Return for each search the numbers of at most `most` questions that match."""
        wanted = min(most, MOST)
        return await self._ask(
            lambda: self._with_searches(searches, lambda found: found.numbers(wanted))
        )

    async def reach(self, wanted: Mark, seconds: float) -> bool:
        """Wait until the index holds at least `wanted`; False when that takes too long."""
        deadline = time.monotonic() + seconds
        while not self._mark.covers(wanted):
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            self._wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(rest, POLL_SECONDS)):
                    await self._moved.wait()
        return True

    async def run(self) -> None:
        """Keep the index equal to what is public until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                wait = POLL_SECONDS
                try:
                    if self._is_current() or await self._follow(self._loop):
                        self._seen_at = time.monotonic()
                except (SQLAlchemyError, sqlite3.Error, OSError, HistoryError, DamagedError):
                    log.exception("the search index could not be kept up")
                    wait = RETRY_SECONDS
                # wait_for would lose a cancellation that comes together with a nudge.
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
        finally:
            self._stopping.set()

    def close(self) -> None:
        """End what runs and close every file; afterwards nothing can be searched."""
        self._stopping.set()
        for pool in (self._writer, self._background, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)
        self._sync.close()
        self._use(None)

    def _is_current(self) -> bool:
        """Return whether there is nothing to do, as far as a glance at the clock can tell."""
        woken = self._wake.is_set()
        self._wake.clear()
        if woken or time.monotonic() >= self._step_at:
            return False
        return self._sync.clock.glance() == self._mark

    async def _follow(self, loop: asyncio.AbstractEventLoop) -> bool:
        followed = await loop.run_in_executor(self._writer, self._step)
        self._step_at = time.monotonic() + STEP_SECONDS if followed else 0.0
        return followed

    def _step(self) -> bool:
        suspect, self._suspect = self._suspect, None
        try:
            return self._sync.step(self._told, suspect)
        except StoppedError:
            return False

    def _told(self, path: Path, mark: Mark) -> None:
        file = self._file
        if file is None or (file.path, file.inode) != (path, inode(path)):
            self._use(path)
        if mark != self._mark:
            self._mark = mark
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _use(self, path: Path | None) -> None:
        with self._lock:
            former, self._file = self._file, None
            self._remembered.clear()
            if path is not None:
                self._file = self._opened(path)
        if self._file is not None:
            lexicons = self._file.lexicons
            self._later(self._file, lambda connection: _begin_to_read(lexicons, connection))
        for connection in former.connections if former else ():
            # One in use is let finish: its thread closes it when it sees the new file.
            if path is None:
                connection.close()

    def _opened(self, path: Path) -> _File:
        def later(job: Callable[[sqlite3.Connection], None]) -> None:
            self._later(file, job)

        file = _File(path, inode(path), Lexicons(later), Postings(later))
        return file

    async def _ask(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            message = "too many searches at once"
            raise EngineUnavailableError(message)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def _with_searches(self, searches: Sequence[Asked], work: Callable[[Search], T]) -> list[T]:
        file = self._file
        if file is None:
            message = "the index is being built"
            raise EngineUnavailableError(message)
        try:
            deadline = Deadline(self._cutoff)
            with self._snapshot(file, deadline) as connection:
                tables = self._tables(file, connection, searches)
                done = []
                for asked in searches:
                    deadline.extend(self._cutoff)
                    search = self._gathered(tables, asked, deadline)
                    # What was found is told, however long it took to find.
                    deadline.extend(self._cutoff)
                    done.append(work(search))
                return done
        except (sqlite3.Error, DamagedError) as error:
            raise self._unavailable(file, error) from error

    def _tables(
        self, file: _File, connection: sqlite3.Connection, searches: Sequence[Asked]
    ) -> dict[str, BankTable]:
        """Return the banks to search that the index has."""
        tables = {}
        for slug, bank in read_banks(connection).items():
            asking = [asked for asked in searches if slug in asked.banks]
            if asking:
                asked = asking[0]
                known = file.lexicons.of(connection, bank)
                answers = bank.answers and slug in asked.answer_banks
                reader = Reader(
                    asked.text, known.lexicon, self._equals_of(asked.synonyms), answers=answers
                )
                postings = file.postings.of(connection, bank)
                tables[slug] = BankTable(connection, bank, known, reader, postings)
        return tables

    def _equals_of(self, synonyms: Synonyms) -> Equals:
        equals = self._equals
        if equals.source is not synonyms:
            equals = self._equals = Equals(synonyms)
        return equals

    def _gathered(self, tables: dict[str, BankTable], asked: Asked, deadline: Deadline) -> Search:
        """Return the search with everything gathered, remembered from the last one like it."""
        searched = [tables[slug] for slug in asked.banks if slug in tables]
        banks = [BankSearch(table, asked.members) for table in searched]
        key = (
            asked.text,
            tuple((table.bank, table.known.lexicon.serial) for table in searched),
            asked.answer_banks,
            id(asked.members),
        )
        with self._lock:
            remembered = self._remembered.get(key)
        if remembered is not None and remembered[0].synonyms is asked.synonyms:
            return Search(banks, asked, deadline, remembered[1])
        search = Search(banks, asked, deadline)
        if not search.gather():
            return search
        with self._lock:
            # Its members are kept alive with it, so that no other bitmap can have their id.
            self._remembered[key] = (asked, search.stages)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return search

    @contextmanager
    def _snapshot(self, file: _File, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        connection = self._connection(file)
        connection.set_progress_handler(deadline.passed, STEPS)
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.set_progress_handler(None, 0)
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _connection(self, file: _File) -> sqlite3.Connection:
        """Return this thread's connection to the file."""
        if getattr(self._local, "file", None) is not file:
            former = getattr(self._local, "connection", None)
            if former is not None:
                former.close()
            self._local.connection = open_index(file.path, reading=True)
            self._local.file = file
            with self._lock:
                file.connections.append(self._local.connection)
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _later(self, file: _File, job: Callable[[sqlite3.Connection], None]) -> None:
        def work() -> None:
            if file is not self._file:
                return
            try:
                connection = self._connection(file)
                connection.execute("BEGIN")
                try:
                    job(connection)
                finally:
                    connection.execute("ROLLBACK")
            except (sqlite3.Error, DamagedError) as error:
                self._unavailable(file, error)

        with suppress(RuntimeError):
            self._background.submit(work)

    def _unavailable(self, file: _File, error: Exception) -> EngineUnavailableError:
        """Return the refusal for an error, and have a damaged file replaced."""
        if isinstance(error, DamagedError) or (
            isinstance(error, sqlite3.Error) and is_damage(error)
        ):
            log.warning("the search index cannot be read: %s", error)
            self._suspect = file.path
            self.nudge()
            return EngineUnavailableError("the index is damaged and is built anew")
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return EngineUnavailableError("the search took too long")
        log.warning("a search failed: %s", error)
        return EngineUnavailableError("the index cannot be read now")


def _begin_to_read(lexicons: Lexicons, connection: sqlite3.Connection) -> None:
    """Have the words of every bank read, so that the first searches know them."""
    for bank in read_banks(connection).values():
        lexicons.of(connection, bank)
