"""Runs searches in threads: the connections, snapshots and caches of the current index file.

Takes search requests from the engine; makes a bank search for each bank, runs the finder and gives
its results. All requests of one call read the same snapshot of the file.
"""

import asyncio
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from app.search.embedded.finder import Deadline, MultiBankSearch, Stage
from app.search.embedded.index_file import DamagedIndexError, file_inode, is_damage, open_index
from app.search.embedded.interpreter import Interpreter
from app.search.embedded.lexicon_cache import LexiconCache
from app.search.embedded.matcher import BankIndex, BankSearch
from app.search.embedded.postings import PostingCache
from app.search.embedded.synonym_table import SynonymTable
from app.search.embedded.tables import read_banks
from app.search.engine import EngineUnavailableError, SearchRequest, Synonyms

THREADS = 4
# Further searches are refused.
MAX_WAITING_SEARCHES = 64
# SQLite calls the progress handler, which checks the deadline, after this number of instructions.
PROGRESS_INSTRUCTIONS = 2000
# The matches of the last searches are cached: pages and counts of a search follow each other.
MAX_CACHED_SEARCHES = 64

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _OpenFile:
    """An index file with this worker's caches and connections."""

    path: Path
    inode: int
    lexicons: LexiconCache
    postings: PostingCache
    connections: list[sqlite3.Connection] = field(default_factory=list)


class IndexReader:
    """The reading side of the embedded index, for all search threads of a worker process."""

    def __init__(self, cutoff_seconds: float, on_damage: Callable[[Path], None]) -> None:
        """Cut searches off after `cutoff_seconds`; call `on_damage` with a damaged file."""
        self._cutoff_seconds = cutoff_seconds
        self._on_damage = on_damage
        self._search_threads = ThreadPoolExecutor(THREADS, "search")
        self._cache_thread = ThreadPoolExecutor(1, "search-cache")
        self._thread_local = threading.local()
        self._lock = threading.Lock()
        self._file: _OpenFile | None = None
        self._synonyms = SynonymTable({})
        self._cached_searches: OrderedDict[object, tuple[SearchRequest, list[Stage]]] = (
            OrderedDict()
        )
        self._waiting = 0

    def is_open_at(self, path: Path) -> bool:
        """Return whether searches read this file, and not another one of the same name."""
        file = self._file
        return file is not None and (file.path, file.inode) == (path, file_inode(path))

    def open(self, path: Path) -> None:
        """Let searches read this file from now on; running ones finish in the former file."""

        def run_later(job: Callable[[sqlite3.Connection], None]) -> None:
            self._run_later(file, job)

        file = _OpenFile(path, file_inode(path), LexiconCache(run_later), PostingCache(run_later))
        with self._lock:
            # Each search thread closes its connection to the former file when it sees the new one.
            self._file = file
            self._cached_searches.clear()
        run_later(lambda connection: _load_lexicons(file.lexicons, connection))

    def close(self) -> None:
        """Wait for the running searches and close all connections."""
        for threads in (self._cache_thread, self._search_threads):
            threads.shutdown(wait=True, cancel_futures=True)
        file, self._file = self._file, None
        for connection in file.connections if file else ():
            connection.close()

    async def run(
        self, requests: Sequence[SearchRequest], work: Callable[[MultiBankSearch], T]
    ) -> list[T]:
        """Return the result of `work` for each of the requests, which have the same query.

        Raises EngineUnavailableError.
        """
        if self._waiting >= MAX_WAITING_SEARCHES:
            message = "too many searches at once"
            raise EngineUnavailableError(message)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._search_threads, self._run, requests, work)
        finally:
            self._waiting -= 1

    def _run(
        self, requests: Sequence[SearchRequest], work: Callable[[MultiBankSearch], T]
    ) -> list[T]:
        file = self._file
        if file is None:
            message = "the index is being built"
            raise EngineUnavailableError(message)
        try:
            deadline = Deadline(self._cutoff_seconds)
            with self._snapshot(file, deadline) as connection:
                indexes = self._bank_indexes(file, connection, requests)
                results = []
                for request in requests:
                    deadline.extend(self._cutoff_seconds)
                    search = self._collected(indexes, request, deadline)
                    # What was collected is returned, even if collecting took all of the time.
                    deadline.extend(self._cutoff_seconds)
                    results.append(work(search))
                return results
        except (sqlite3.Error, DamagedIndexError) as error:
            raise self._unavailable(file, error) from error

    def _bank_indexes(
        self, file: _OpenFile, connection: sqlite3.Connection, requests: Sequence[SearchRequest]
    ) -> dict[str, BankIndex]:
        """Return the requested banks that the index has, with the query interpreted for each."""
        indexes = {}
        for slug, bank in read_banks(connection).items():
            request = next((request for request in requests if slug in request.banks), None)
            if request is None:
                continue
            cached_lexicon = file.lexicons.get(connection, bank)
            interpreter = Interpreter(
                request.text,
                cached_lexicon.lexicon,
                self._synonym_table(request.synonyms),
                with_answers=bank.with_answers and slug in request.answer_banks,
            )
            postings = file.postings.of_bank(connection, bank)
            indexes[slug] = BankIndex(connection, bank, cached_lexicon, interpreter, postings)
        return indexes

    def _synonym_table(self, synonyms: Synonyms) -> SynonymTable:
        table = self._synonyms
        if table.source is not synonyms:
            table = self._synonyms = SynonymTable(synonyms)
        return table

    def _collected(
        self, indexes: dict[str, BankIndex], request: SearchRequest, deadline: Deadline
    ) -> MultiBankSearch:
        """Return the search with its matches, from the cache if an equal search is in it."""
        searched = [indexes[slug] for slug in request.banks if slug in indexes]
        banks = [BankSearch(index, request.members) for index in searched]
        key = (
            request.text,
            tuple((index.bank, index.cached_lexicon.lexicon.serial) for index in searched),
            request.answer_banks,
            id(request.members),
        )
        with self._lock:
            cached = self._cached_searches.get(key)
        if cached is not None and cached[0].synonyms is request.synonyms:
            return MultiBankSearch(banks, request, deadline, cached[1])
        search = MultiBankSearch(banks, request, deadline)
        if not search.collect():
            return search
        with self._lock:
            # The request keeps its members alive, so that no other bitmap can get the same id.
            self._cached_searches[key] = (request, search.stages)
            while len(self._cached_searches) > MAX_CACHED_SEARCHES:
                self._cached_searches.popitem(last=False)
        return search

    @contextmanager
    def _snapshot(self, file: _OpenFile, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection in a read transaction that the deadline interrupts."""
        connection = self._connection(file)
        connection.set_progress_handler(deadline.passed, PROGRESS_INSTRUCTIONS)
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.set_progress_handler(None, 0)
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _connection(self, file: _OpenFile) -> sqlite3.Connection:
        """Return this thread's connection to the file."""
        if getattr(self._thread_local, "file", None) is not file:
            former = getattr(self._thread_local, "connection", None)
            if former is not None:
                former.close()
            self._thread_local.connection = open_index(file.path, read_only=True)
            self._thread_local.file = file
            with self._lock:
                file.connections.append(self._thread_local.connection)
        connection: sqlite3.Connection = self._thread_local.connection
        return connection

    def _run_later(self, file: _OpenFile, job: Callable[[sqlite3.Connection], None]) -> None:
        """Run a job in the cache thread, unless searches read another file by then."""

        def run() -> None:
            if file is not self._file:
                return
            try:
                connection = self._connection(file)
                connection.execute("BEGIN")
                try:
                    job(connection)
                finally:
                    connection.execute("ROLLBACK")
            except (sqlite3.Error, DamagedIndexError) as error:
                self._unavailable(file, error)

        # RuntimeError: the executor is shut down.
        with suppress(RuntimeError):
            self._cache_thread.submit(run)

    def _unavailable(self, file: _OpenFile, error: Exception) -> EngineUnavailableError:
        """Return what to raise for an error, and report a damaged file."""
        if isinstance(error, DamagedIndexError) or (
            isinstance(error, sqlite3.Error) and is_damage(error)
        ):
            log.warning("the search index cannot be read: %s", error)
            self._on_damage(file.path)
            return EngineUnavailableError("the index is damaged and is being rebuilt")
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return EngineUnavailableError("the search took too long")
        log.warning("a search failed: %s", error)
        return EngineUnavailableError("the index cannot be read at the moment")


def _load_lexicons(lexicons: LexiconCache, connection: sqlite3.Connection) -> None:
    """Load the lexicon of every bank, so that the first searches can correct their queries."""
    for bank in read_banks(connection).values():
        lexicons.get(connection, bank)
