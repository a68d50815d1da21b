"""Reads immutable documents by (number, revision)."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import Connection
from sqlmodel import select

from app.core.db.tables import table_of
from app.published.feed_reader import drop_pages
from app.published.models import Document

CHUNK = 250
# Pages that SQLite keeps for itself; the rest of the file stays in the system's own cache.
CACHE_KIB = 16_384

_TABLE = table_of(Document)


def read_documents(connection: Connection, wanted: Sequence[tuple[int, int]]) -> dict[int, bytes]:
    """Return the bodies of (number, revision) pairs by number; what does not exist is absent."""
    found: dict[int, bytes] = {}
    for part in chunks(wanted):
        revisions = dict(part)
        # SQLite would read the whole table for pairs in a list of pairs.
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
    """Return number, revision and body of every document with low <= number < high."""
    statement = (
        "SELECT number, revision, body FROM documents "  # noqa: S608 - whole numbers only
        f"WHERE number >= {low:d} AND number < {high:d}"
    )
    rows = connection.exec_driver_sql(statement).fetchall()
    drop_pages(connection)
    return [(number, revision, bytes(body)) for number, revision, body in rows]


def chunks(wanted: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    """Cut a list of pairs into parts that fit one statement."""
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


class InlineReader:
    """Documents straight from an SQLite file: so quick that an event loop can wait for it.

    For one thread. It never writes, and waits for nobody: readers of a WAL are not locked out.
    """

    def __init__(self, path: Path) -> None:
        """Read the file at `path`; it is opened when it is first needed."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def read(self, wanted: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return what `read_documents` would, at most 250 at once; sqlite3.Error when it fails."""
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
            cached_statements=CHUNK,
        )
        self._connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        return self._connection


@cache
def _statement(count: int) -> str:
    pairs = ",".join(["(?,?)"] * count)
    # CROSS JOIN: each pair is looked up by the key, whatever the planner would rather do.
    return (
        f"WITH wanted(number, revision) AS (VALUES {pairs}) "  # noqa: S608 - nothing but question marks
        "SELECT document.number, document.body FROM wanted CROSS JOIN documents AS document "
        "ON document.number = wanted.number AND document.revision = wanted.revision"
    )
