"""The lexicons of an embedded index in memory, read anew in the background when its words moved."""

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from app.search.embedded.lexicon import EMPTY, Lexicon
from app.search.embedded.tables import IndexedBank, read_banks

# Reading takes this part of a thread's time at most.
SHARE = 0.05
# A lexicon that is read as quickly is never kept waiting for.
QUICK_SECONDS = 0.01
MOST_BANKS = 100
BATCH = 2000


class Known(NamedTuple):
    """The words of a bank; not `fresh` when they may lack some that the snapshot holds."""

    lexicon: Lexicon
    fresh: bool


@dataclass(slots=True)
class _Held:
    lexicon: Lexicon
    version: int
    seconds: float
    loaded_at: float
    loading: bool = False


class Lexicons:
    """Lexicons of one index file by bank.

    A stale one may lack new words, or know some that are gone: these correct nothing, because a
    correction counts only where a question was found by it.
    """

    def __init__(self, later: Callable[[Callable[[sqlite3.Connection], None]], None]) -> None:
        """`later` runs a job with a connection of its own, soon."""
        self._later = later
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, connection: sqlite3.Connection, bank: IndexedBank) -> Known:
        """Return the newest lexicon of a bank that is to be had without waiting."""
        with self._lock:
            held = self._held.get(bank.number)
            if held is not None and (held.version == bank.version or held.loading):
                return Known(held.lexicon, held.version == bank.version)
            if held is not None and held.seconds > QUICK_SECONDS:
                if time.monotonic() - held.loaded_at > held.seconds / SHARE:
                    self._load_later(held, bank)
                return Known(held.lexicon, fresh=False)
            if held is None and not _is_small(connection, bank):
                held = self._keep(bank, _Held(EMPTY, -1, 0.0, 0.0))
                self._load_later(held, bank)
                return Known(EMPTY, fresh=False)
        return Known(self.load(connection, bank), fresh=True)

    def load(
        self, connection: sqlite3.Connection, bank: IndexedBank, *, ready: bool = False
    ) -> Lexicon:
        """Read the lexicon of a bank; `ready` for all that it may be asked."""
        began = time.monotonic()
        lexicon = read_lexicon(connection, bank)
        if ready:
            lexicon.prepare()
        now = time.monotonic()
        with self._lock:
            self._keep(bank, _Held(lexicon, bank.version, now - began, now))
        return lexicon

    def _load_later(self, held: _Held, bank: IndexedBank) -> None:
        held.loading = True

        def load(connection: sqlite3.Connection) -> None:
            try:
                current = read_banks(connection).get(bank.slug)
                if current is not None and current.number == bank.number:
                    self.load(connection, current, ready=True)
            finally:
                held.loading = False

        self._later(load)

    def _keep(self, bank: IndexedBank, held: _Held) -> _Held:
        self._held[bank.number] = held
        self._held.move_to_end(bank.number)
        while len(self._held) > MOST_BANKS:
            self._held.popitem(last=False)
        return held


def read_lexicon(connection: sqlite3.Connection, bank: IndexedBank) -> Lexicon:
    """Return the words of a bank's table."""
    count = connection.execute(f"SELECT count(*) FROM {bank.table}_docsize").fetchone()[0]  # noqa: S608
    cursor = connection.execute(f"SELECT term, col, doc FROM {bank.words}")  # noqa: S608
    return Lexicon(count, _rows(cursor))


def _rows(cursor: sqlite3.Cursor) -> Iterator[tuple[str, str, int]]:
    while batch := cursor.fetchmany(BATCH):
        yield from batch


def _is_small(connection: sqlite3.Connection, bank: IndexedBank) -> bool:
    statement = f"SELECT 1 FROM {bank.table}_docsize LIMIT 1 OFFSET 500"  # noqa: S608
    return connection.execute(statement).fetchone() is None
