"""Which questions of a bank hold a word: read from FTS5 once, then kept, and kept true."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from pyroaring import BitMap

from app.search.embedded.fts_expressions import spelt
from app.search.embedded.index_rows import numbers_matching, read_rows
from app.search.embedded.ranking import Row
from app.search.embedded.tables import IndexedBank, changed_since, read_banks
from app.search.text.spelling import Spelling

# So many bytes are kept in a worker: those of 250 words that each are common in 1,000,000
# questions.
KEPT_BYTES = 32_000_000
# Of a few questions an array takes more memory than its members.
LEAST_BYTES = 200
# After so many changes all is read anew: it would take longer to look at what changed. Beside the
# bytes above, that is what is held of each bank.
MOST_CHANGED = 200
MOST_BANKS = 100
# So many words at most wait to be read at leisure.
MOST_AWAITED = 16


class _Changed(NamedTuple):
    """What changed in a bank behind the version `base`, up to `version`, as it stands there."""

    base: int
    version: int
    numbers: BitMap
    rows: list[Row]


class _Posting(NamedTuple):
    version: int
    numbers: BitMap
    size: int


class Postings:
    """Which questions hold what, of one index file, for every thread that searches it.

    What was read stays when questions change: these are then looked at themselves.
    """

    def __init__(self, later: Callable[[Callable[[sqlite3.Connection], None]], None]) -> None:
        """`later` runs a job with a connection of its own, soon."""
        self._later = later
        self._changed: OrderedDict[int, _Changed] = OrderedDict()
        self._kept: OrderedDict[tuple[int, Spelling], _Posting] = OrderedDict()
        self._bytes = 0
        self._awaited: set[tuple[int, Spelling]] = set()
        self._lock = threading.Lock()

    def of(self, connection: sqlite3.Connection, bank: IndexedBank) -> "BankPostings":
        """Return those of a bank in the snapshot that `connection` holds."""
        with self._lock:
            changed = self._changed.get(bank.number)
            if changed is not None:
                self._changed.move_to_end(bank.number)
        if changed is None or changed.version != bank.version:
            changed = _changes(connection, bank, changed)
            with self._lock:
                self._take_over(bank.number, changed)
        return BankPostings(self, connection, bank, changed)

    def find(self, bank: IndexedBank, spelling: Spelling) -> _Posting | None:
        """Return what was read of a spelling in a bank, at whatever version."""
        key = (bank.number, spelling)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        return found

    def keep(self, bank: IndexedBank, spelling: Spelling, numbers: BitMap) -> None:
        """Keep what was read at the bank's version."""
        size = _size(numbers)
        with self._lock:
            changed = self._changed.get(bank.number)
            if changed is None or not changed.base <= bank.version <= changed.version:
                return
            self._drop((bank.number, spelling))
            self._kept[bank.number, spelling] = _Posting(bank.version, numbers, size)
            self._bytes += size
            while self._bytes > KEPT_BYTES:
                self._drop(next(iter(self._kept)))

    def read_later(self, bank: IndexedBank, spelling: Spelling) -> None:
        """Have read what takes longer than a search may, so that the next one finds it."""
        key = (bank.number, spelling)

        def read(connection: sqlite3.Connection) -> None:
            try:
                current = read_banks(connection).get(bank.slug)
                if current is not None and current.number == bank.number:
                    self.of(connection, current).of(spelling)
            finally:
                with self._lock:
                    self._awaited.discard(key)

        with self._lock:
            if key in self._awaited or len(self._awaited) >= MOST_AWAITED:
                return
            self._awaited.add(key)
        self._later(read)

    def _take_over(self, number: int, changed: _Changed) -> None:
        known = self._changed.get(number)
        if known is not None and known.version >= changed.version:
            # A thread whose snapshot is older than that of another.
            return
        self._changed[number] = changed
        self._changed.move_to_end(number)
        if known is None or known.base != changed.base:
            self._forget(number)
        while len(self._changed) > MOST_BANKS:
            self._forget(self._changed.popitem(last=False)[0])

    def _forget(self, number: int) -> None:
        for key in [key for key in self._kept if key[0] == number]:
            self._drop(key)

    def _drop(self, key: tuple[int, Spelling]) -> None:
        dropped = self._kept.pop(key, None)
        self._bytes -= dropped.size if dropped else 0


class BankPostings:
    """Those of one bank in one snapshot."""

    def __init__(
        self,
        postings: Postings,
        connection: sqlite3.Connection,
        bank: IndexedBank,
        changed: _Changed,
    ) -> None:
        """Read what is not kept through a connection that holds the snapshot."""
        self._postings = postings
        self._connection = connection
        self._bank = bank
        self._changed = changed

    def of(self, spelling: Spelling) -> BitMap:
        """Return the numbers of all questions that hold a spelling; never change the bitmap."""
        changed = self._changed
        found = self._postings.find(self._bank, spelling)
        if found is None or not changed.base <= found.version <= changed.version:
            return self._read(spelling)
        if found.version == changed.version:
            return found.numbers
        holding = [row.number for row in changed.rows if row.holds(spelling)]
        return (found.numbers - changed.numbers) | BitMap(holding)

    def _read(self, spelling: Spelling) -> BitMap:
        try:
            numbers = numbers_matching(self._connection, self._bank, spelt(spelling))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                self._postings.read_later(self._bank, spelling)
            raise
        self._postings.keep(self._bank, spelling, numbers)
        return numbers


def _changes(connection: sqlite3.Connection, bank: IndexedBank, known: _Changed | None) -> _Changed:
    base = min(known.base, bank.version) if known else bank.version
    numbers = changed_since(connection, bank, base)
    if numbers is None or len(numbers) > MOST_CHANGED:
        return _Changed(bank.version, bank.version, BitMap(), [])
    rows = read_rows(connection, bank, numbers)
    return _Changed(base, bank.version, BitMap(numbers), rows)


def _size(numbers: BitMap) -> int:
    held = numbers.get_statistics()
    arrays, runs = held["n_bytes_array_containers"], held["n_bytes_run_containers"]
    return LEAST_BYTES + arrays + runs + held["n_bytes_bitset_containers"]
