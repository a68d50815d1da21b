"""Caches the lexicon of each bank of one index file; reloads it in the background after changes."""

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from app.search.embedded.lexicon import EMPTY_LEXICON, Lexicon
from app.search.embedded.tables import IndexedBank, read_banks

# Reloading one lexicon takes at most this fraction of a thread's time.
MAX_RELOAD_FRACTION = 0.05
# A lexicon that loads faster is reloaded during the search, so that the search sees new tokens.
INLINE_LOAD_SECONDS = 0.01
# A bank with at most this number of questions is loaded during its first search.
INLINE_LOAD_QUESTIONS = 500
MAX_BANKS = 100
FETCH_ROWS = 2000


class CachedLexicon(NamedTuple):
    """A lexicon; not `is_current` if it may differ from the tokens in the snapshot."""

    lexicon: Lexicon
    is_current: bool


@dataclass(slots=True)
class _CacheEntry:
    lexicon: Lexicon
    version: int
    load_seconds: float
    loaded_at: float
    loading: bool = False


class LexiconCache:
    """The lexicons of one index file, by bank.

    A stale lexicon may lack new tokens or contain removed ones. Removed ones do no harm: a
    correction is used only if it finds a question.
    """

    def __init__(self, run_later: Callable[[Callable[[sqlite3.Connection], None]], None]) -> None:
        """Reload with `run_later`, which soon runs a job in another thread and connection."""
        self._run_later = run_later
        self._entries: OrderedDict[int, _CacheEntry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, connection: sqlite3.Connection, bank: IndexedBank) -> CachedLexicon:
        """Return the newest lexicon of a bank that is available without a long wait."""
        with self._lock:
            entry = self._entries.get(bank.number)
            if entry is not None and (entry.version == bank.version or entry.loading):
                return CachedLexicon(entry.lexicon, entry.version == bank.version)
            if entry is not None and entry.load_seconds > INLINE_LOAD_SECONDS:
                if time.monotonic() - entry.loaded_at > entry.load_seconds / MAX_RELOAD_FRACTION:
                    self._load_later(entry, bank)
                return CachedLexicon(entry.lexicon, is_current=False)
            if entry is None and not _is_small(connection, bank):
                entry = self._put(bank, _CacheEntry(EMPTY_LEXICON, -1, 0.0, 0.0))
                self._load_later(entry, bank)
                return CachedLexicon(EMPTY_LEXICON, is_current=False)
        return CachedLexicon(self.load(connection, bank), is_current=True)

    def load(
        self, connection: sqlite3.Connection, bank: IndexedBank, *, precompute: bool = False
    ) -> Lexicon:
        """Read the lexicon of a bank into the cache; `precompute` its lazy structures too."""
        started_at = time.monotonic()
        lexicon = read_lexicon(connection, bank)
        if precompute:
            lexicon.precompute()
        now = time.monotonic()
        with self._lock:
            self._put(bank, _CacheEntry(lexicon, bank.version, now - started_at, now))
        return lexicon

    def _load_later(self, entry: _CacheEntry, bank: IndexedBank) -> None:
        entry.loading = True

        def load(connection: sqlite3.Connection) -> None:
            try:
                current = read_banks(connection).get(bank.slug)
                if current is not None and current.number == bank.number:
                    self.load(connection, current, precompute=True)
            finally:
                entry.loading = False

        self._run_later(load)

    def _put(self, bank: IndexedBank, entry: _CacheEntry) -> _CacheEntry:
        self._entries[bank.number] = entry
        self._entries.move_to_end(bank.number)
        while len(self._entries) > MAX_BANKS:
            self._entries.popitem(last=False)
        return entry


def read_lexicon(connection: sqlite3.Connection, bank: IndexedBank) -> Lexicon:
    """Return the lexicon of a bank, from its vocabulary table."""
    count = connection.execute(f"SELECT count(*) FROM {bank.table}_docsize").fetchone()[0]  # noqa: S608 - only the table's number varies
    cursor = connection.execute(f"SELECT term, col, doc FROM {bank.vocabulary_table}")  # noqa: S608
    return Lexicon(count, _fetch_all(cursor))


def _fetch_all(cursor: sqlite3.Cursor) -> Iterator[tuple[str, str, int]]:
    while rows := cursor.fetchmany(FETCH_ROWS):
        yield from rows


def _is_small(connection: sqlite3.Connection, bank: IndexedBank) -> bool:
    statement = f"SELECT 1 FROM {bank.table}_docsize LIMIT 1 OFFSET {INLINE_LOAD_QUESTIONS}"  # noqa: S608
    return connection.execute(statement).fetchone() is None
