"""Reads the change feed as the driver gives it: a million rows must come in a few seconds."""

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple, overload
from uuid import UUID

import orjson
from sqlalchemy import Connection
from sqlmodel import Session

# Of more the steps over each column cost less, and others who are served meanwhile wait longer.
FETCH_ROWS = 16_000
CHANGED_ROWS = 20_000
ID_DIGITS = 32
ID_BYTES = 16


class PublishedRow(NamedTuple):
    """One row of the change feed: lists are comma-joined slugs, the time milliseconds since 1970.

    `id` is 16 bytes, or none at all where the database holds something else.
    """

    number: int
    id: bytes
    bank: str
    seq: int
    revision: int | None
    kind: str
    categories: str
    companies: str
    tags: str
    levels: str
    difficulty: str
    language: str
    updated_at: int


class PackedIds(Sequence[bytes]):
    """Ids of 16 bytes each, one after the other."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes of all of them."""
        self.data = data

    def __len__(self) -> int:
        return len(self.data) // ID_BYTES

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self.data[ID_BYTES * place : ID_BYTES * (place + 1)]


class Columns(NamedTuple):
    """Rows of the change feed turned into columns, under the same names."""

    number: Sequence[int]
    id: Sequence[bytes]
    bank: Sequence[str]
    seq: Sequence[int]
    revision: Sequence[int | None]
    kind: Sequence[str]
    categories: Sequence[str]
    companies: Sequence[str]
    tags: Sequence[str]
    levels: Sequence[str]
    difficulty: Sequence[str]
    language: Sequence[str]
    updated_at: Sequence[int]

    def rows(self) -> list[PublishedRow]:
        """Return the rows again."""
        return list(map(PublishedRow._make, zip(*self, strict=True)))


def columns_of(rows: Sequence[PublishedRow]) -> Columns:
    """Return rows as columns."""
    return Columns(*(zip(*rows, strict=True) if rows else [()] * len(Columns._fields)))


_SELECT = f"SELECT {', '.join(Columns._fields)} FROM published"  # noqa: S608 - our own names
_RANGE = "WHERE number >= ? AND number < ?"
_ARRAYS = ", ".join(f"json_group_array({name})" for name in Columns._fields)
_TEXTS = f"SELECT {_ARRAYS} FROM published {_RANGE}"  # noqa: S608 - our own names


def all_columns(session: Session) -> Iterator[Columns]:
    """Yield everything in chunks."""
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        yield from _ranges(driver)
        drop_pages(connection)
        return
    # A cursor with a name stays in PostgreSQL, which sends one chunk after the other.
    with closing(driver.cursor("published")) as cursor:
        cursor.execute(_SELECT)
        while raw := cursor.fetchmany(FETCH_ROWS):
            yield _made(raw)


def _ranges(driver: sqlite3.Connection) -> Iterator[Columns]:
    """Yield everything by ranges of numbers; one is read while the one before is worked on.

    SQLite makes a text of each column and holds up no other thread meanwhile; to take the texts
    apart costs a third of what it does to fetch the rows.
    """
    (largest,) = driver.execute("SELECT max(number) FROM published").fetchone()
    lows = range(0, (largest or 0) + 1, FETCH_ROWS)
    with ThreadPoolExecutor(1) as reader:
        ahead = [reader.submit(_texts, driver, low) for low in lows[:1]]
        for low in lows:
            texts = ahead.pop().result()
            if low != lows[-1]:
                ahead.append(reader.submit(_texts, driver, low + FETCH_ROWS))
            raw = _apart(texts)
            if raw is None:
                # Something that no JSON can hold: whoever takes the rows has to look at each.
                rows = driver.execute(f"{_SELECT} {_RANGE}", (low, low + FETCH_ROWS)).fetchall()
                raw = list(zip(*rows, strict=True))
            if raw and raw[0]:
                yield _columns(raw)


def _texts(driver: sqlite3.Connection, low: int) -> Sequence[str]:
    """Return each column of a range as JSON; nothing where that cannot be."""
    try:
        found: Sequence[str] = driver.execute(_TEXTS, (low, low + FETCH_ROWS)).fetchone()
    except sqlite3.Error:
        return ()
    return found


def _apart(texts: Sequence[str]) -> Sequence[Sequence[Any]] | None:
    try:
        return [orjson.loads(text) for text in texts] or None
    except orjson.JSONDecodeError:
        return None


def drop_pages(connection: Connection) -> None:
    """Let SQLite forget the pages that it keeps: what was read once stays for nobody."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA shrink_memory")


def changed_rows(session: Session, after: int) -> tuple[list[PublishedRow], bool]:
    """Return the next rows with seq > after, in the order of `seq`, and whether these are all."""
    statement = f"{_SELECT} WHERE seq > {after:d} ORDER BY seq LIMIT {CHANGED_ROWS}"
    raw = session.connection().exec_driver_sql(statement).fetchall()
    return _made(raw).rows() if raw else [], len(raw) < CHANGED_ROWS


def _made(rows: Sequence[Sequence[Any]]) -> Columns:
    return _columns(list(zip(*rows, strict=True)))


def _columns(raw: Sequence[Sequence[Any]]) -> Columns:
    columns = Columns(*raw)
    return columns._replace(id=_sixteen(columns.id))


def _sixteen(values: Sequence[Any]) -> Sequence[bytes]:
    """Return ids as bytes, all at once where they are what the database should hold."""
    if isinstance(values[0], UUID):
        return PackedIds(b"".join([value.bytes for value in values]))
    try:
        text = ",".join((*values, ""))
        data = bytes.fromhex(text.replace(",", ""))
    except (TypeError, ValueError):
        return list(map(_parsed, values))
    # A comma behind every 32nd digit tells that each id has its own 32.
    whole = text[ID_DIGITS :: ID_DIGITS + 1] == "," * len(values)
    if not whole or len(data) != ID_BYTES * len(values):
        return list(map(_parsed, values))
    return PackedIds(data)


def _parsed(value: object) -> bytes:
    try:
        return UUID(str(value)).bytes
    except ValueError:
        return b""
