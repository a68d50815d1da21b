"""Caches posting lists: the numbers of the questions that contain a phrase, as bitmaps.

FTS5 reads each posting list once. After a change of the bank the list stays in the cache, and an
overlay corrects it: the questions that changed since are compared with the phrase themselves. See
"publish → found, embedded" and "slip, prefix, two filters, facets, alone" in docs/benchmarks.md.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from pyroaring import BitMap

from app.search.embedded.fts_expressions import phrase_expression
from app.search.embedded.index_rows import IndexRow, numbers_matching, read_rows
from app.search.embedded.tables import IndexedBank, changed_since, read_banks
from app.search.text.token_phrase import TokenPhrase

# The size of the cache in one worker process: 250 tokens that are common in 1,000,000 questions.
MAX_CACHE_BYTES = 32_000_000
# The memory of an entry beside the containers of its bitmap.
ENTRY_OVERHEAD_BYTES = 200
# An overlay with more questions is dropped, and the posting lists are read again: to compare that
# many questions takes longer. The overlays of at most MAX_BANKS banks are cached, which is memory
# beside MAX_CACHE_BYTES.
MAX_OVERLAY_QUESTIONS = 200
MAX_BANKS = 100
# At most this number of phrases waits to be read in the background.
MAX_PENDING_READS = 16


class _Overlay(NamedTuple):
    """The questions of a bank that changed after version `base`, as they are at `version`."""

    base: int
    version: int
    numbers: BitMap
    rows: list[IndexRow]


class _CachedPostings(NamedTuple):
    """A posting list, as it was at a version of the bank."""

    version: int
    numbers: BitMap
    size: int


class PostingCache:
    """The posting lists of one index file, for all threads that search it."""

    def __init__(self, run_later: Callable[[Callable[[sqlite3.Connection], None]], None]) -> None:
        """Read slow lists with `run_later`, which soon runs a job in another connection."""
        self._run_later = run_later
        self._overlays: OrderedDict[int, _Overlay] = OrderedDict()
        self._lists: OrderedDict[tuple[int, TokenPhrase], _CachedPostings] = OrderedDict()
        self._bytes = 0
        self._pending: set[tuple[int, TokenPhrase]] = set()
        self._lock = threading.Lock()

    def of_bank(self, connection: sqlite3.Connection, bank: IndexedBank) -> "BankPostings":
        """Return the posting lists of a bank in the snapshot that `connection` holds."""
        with self._lock:
            overlay = self._overlays.get(bank.number)
            if overlay is not None:
                self._overlays.move_to_end(bank.number)
        if overlay is None or overlay.version != bank.version:
            overlay = _read_overlay(connection, bank, overlay)
            with self._lock:
                self._put_overlay(bank.number, overlay)
        return BankPostings(self, connection, bank, overlay)

    def get(self, bank: IndexedBank, phrase: TokenPhrase) -> _CachedPostings | None:
        """Return the cached posting list of a phrase, of whatever version of the bank."""
        key = (bank.number, phrase)
        with self._lock:
            cached = self._lists.get(key)
            if cached is not None:
                self._lists.move_to_end(key)
        return cached

    def put(self, bank: IndexedBank, phrase: TokenPhrase, numbers: BitMap) -> None:
        """Cache a posting list that was read at the bank's version."""
        size = _memory_bytes(numbers)
        with self._lock:
            overlay = self._overlays.get(bank.number)
            if overlay is None or not overlay.base <= bank.version <= overlay.version:
                return
            self._evict((bank.number, phrase))
            self._lists[bank.number, phrase] = _CachedPostings(bank.version, numbers, size)
            self._bytes += size
            while self._bytes > MAX_CACHE_BYTES:
                self._evict(next(iter(self._lists)))

    def read_later(self, bank: IndexedBank, phrase: TokenPhrase) -> None:
        """Read a list in the background that takes longer than a search may."""
        key = (bank.number, phrase)

        def read(connection: sqlite3.Connection) -> None:
            try:
                current = read_banks(connection).get(bank.slug)
                if current is not None and current.number == bank.number:
                    self.of_bank(connection, current).read(phrase)
            finally:
                with self._lock:
                    self._pending.discard(key)

        with self._lock:
            if key in self._pending or len(self._pending) >= MAX_PENDING_READS:
                return
            self._pending.add(key)
        self._run_later(read)

    def _put_overlay(self, bank_number: int, overlay: _Overlay) -> None:
        current = self._overlays.get(bank_number)
        if current is not None and current.version >= overlay.version:
            # Another thread has a newer snapshot than this one.
            return
        self._overlays[bank_number] = overlay
        self._overlays.move_to_end(bank_number)
        if current is None or current.base != overlay.base:
            self._evict_bank(bank_number)
        while len(self._overlays) > MAX_BANKS:
            self._evict_bank(self._overlays.popitem(last=False)[0])

    def _evict_bank(self, bank_number: int) -> None:
        for key in [key for key in self._lists if key[0] == bank_number]:
            self._evict(key)

    def _evict(self, key: tuple[int, TokenPhrase]) -> None:
        evicted = self._lists.pop(key, None)
        self._bytes -= evicted.size if evicted else 0


class BankPostings:
    """The posting lists of one bank in one snapshot of the index."""

    def __init__(
        self,
        cache: PostingCache,
        connection: sqlite3.Connection,
        bank: IndexedBank,
        overlay: _Overlay,
    ) -> None:
        """Read what is not cached through a connection that holds the snapshot."""
        self._cache = cache
        self._connection = connection
        self._bank = bank
        self._overlay = overlay

    def read(self, phrase: TokenPhrase) -> BitMap:
        """Return the numbers of all questions that contain a phrase. Do not modify the bitmap."""
        overlay = self._overlay
        cached = self._cache.get(self._bank, phrase)
        if cached is None or not overlay.base <= cached.version <= overlay.version:
            return self._query(phrase)
        if cached.version == overlay.version:
            return cached.numbers
        containing = [row.number for row in overlay.rows if row.contains(phrase)]
        return (cached.numbers - overlay.numbers) | BitMap(containing)

    def _query(self, phrase: TokenPhrase) -> BitMap:
        try:
            numbers = numbers_matching(self._connection, self._bank, phrase_expression(phrase))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                self._cache.read_later(self._bank, phrase)
            raise
        self._cache.put(self._bank, phrase, numbers)
        return numbers


def _read_overlay(
    connection: sqlite3.Connection, bank: IndexedBank, known: _Overlay | None
) -> _Overlay:
    """Return the overlay of the bank's version, with the base of the known one if possible."""
    base = min(known.base, bank.version) if known else bank.version
    numbers = changed_since(connection, bank, base)
    if numbers is None or len(numbers) > MAX_OVERLAY_QUESTIONS:
        return _Overlay(bank.version, bank.version, BitMap(), [])
    rows = read_rows(connection, bank, numbers)
    return _Overlay(base, bank.version, BitMap(numbers), rows)


def _memory_bytes(numbers: BitMap) -> int:
    statistics = numbers.get_statistics()
    arrays, runs = statistics["n_bytes_array_containers"], statistics["n_bytes_run_containers"]
    return ENTRY_OVERHEAD_BYTES + arrays + runs + statistics["n_bytes_bitset_containers"]
