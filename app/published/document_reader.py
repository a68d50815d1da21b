"""Reads documents by number and revision; documents never change."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import Connection
from sqlmodel import select

from app.core.db.tables import table_of
from app.published.feed_reader import free_page_cache
from app.published.models import Document

# Well below the maximum number of parameters of a statement on either database.
MAX_PAIRS = 250
# SQLite's own page cache; the operating system caches the other pages.
PAGE_CACHE_KIB = 16_384

_TABLE = table_of(Document)


def read_documents(connection: Connection, wanted: Sequence[tuple[int, int]]) -> dict[int, bytes]:
    """Return the JSON of (number, revision) pairs by number; leave out pairs without a document."""
    found: dict[int, bytes] = {}
    for batch in batches(wanted):
        revisions = dict(batch)
        # SQLite scans the whole table for `(number, revision) IN (list of pairs)`.
        statement = select(_TABLE.c.number, _TABLE.c.revision, _TABLE.c.body).where(
            _TABLE.c.number.in_(revisions.keys()),
            _TABLE.c.revision.in_(set(revisions.values())),
        )
        found.update(
            (number, bytes(body))
            for number, revision, body in connection.execute(statement)
            if revisions[number] == revision
        )
    return found


def read_range(connection: Connection, low: int, high: int) -> list[tuple[int, int, bytes]]:
    """Return number, revision and JSON of every document with low <= number < high."""
    statement = (
        "SELECT number, revision, body FROM documents "  # noqa: S608 - integers only
        f"WHERE number >= {low:d} AND number < {high:d}"
    )
    rows = connection.exec_driver_sql(statement).fetchall()
    free_page_cache(connection)
    return [(number, revision, bytes(body)) for number, revision, body in rows]


def batches(pairs: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    """Split a list of pairs into batches of at most MAX_PAIRS."""
    for start in range(0, len(pairs), MAX_PAIRS):
        yield pairs[start : start + MAX_PAIRS]


class InlineReader:
    """Reads documents from an SQLite file, so quickly that it may run on the event loop.

    For one thread. It opens the file read-only; in WAL mode a reader never waits for a writer.
    """

    def __init__(self, path: Path) -> None:
        """Read the file at `path`, which is opened by the first `read`."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def read(self, wanted: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return what `read_documents` returns, for at most MAX_PAIRS pairs.

        Raises sqlite3.Error.
        """
        parameters = [value for pair in wanted for value in pair]
        connection = self._connection or self._open()
        return dict(connection.execute(_statement(len(wanted)), parameters).fetchall())

    def _open(self) -> sqlite3.Connection:
        address = f"{self._path.resolve().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(
            address,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=MAX_PAIRS,
        )
        self._connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        return self._connection


@cache
def _statement(count: int) -> str:
    pairs = ",".join(["(?,?)"] * count)
    # CROSS JOIN makes SQLite's planner look up each pair by the primary key.
    return (
        f"WITH wanted(number, revision) AS (VALUES {pairs}) "  # noqa: S608 - only question marks
        "SELECT document.number, document.body FROM wanted CROSS JOIN documents AS document "
        "ON document.number = wanted.number AND document.revision = wanted.revision"
    )
