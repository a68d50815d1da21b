"""Reads the change feed as the driver gives it: a million rows must come in a few seconds."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection
from sqlmodel import Session

from app.published.feed_columns import (
    FEED_COLUMNS,
    ID_BYTES,
    PackedIds,
    PublishedColumns,
    PublishedRow,
    Repeated,
    feed_columns,
)

# Of more the steps over each column cost less, and others who are served meanwhile wait longer.
FETCH_ROWS = 16_000
CHANGED_ROWS = 20_000
ID_DIGITS = 32
# What often stands in every row of a range.
ALIKE = ("bank", "revision", "kind", "language")


_SELECT = f"SELECT {', '.join(FEED_COLUMNS)} FROM published"  # noqa: S608 - our own names
_RANGE = "WHERE number >= ? AND number < ?"
_ENDS = [
    f"SELECT {', '.join(('number', *ALIKE))} FROM published {_RANGE} ORDER BY number {way} LIMIT 1"  # noqa: S608
    for way in ("ASC", "DESC")
]


def all_columns(session: Session) -> Iterator[PublishedColumns]:
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


def _ranges(driver: sqlite3.Connection) -> Iterator[PublishedColumns]:
    """Yield everything by ranges of numbers; one is read while the one before is worked on.

    SQLite makes a text of each column and holds up no other thread meanwhile; to take the texts
    apart costs a third of what it does to fetch the rows, and what is alike in all needs no text.
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


def _texts(driver: sqlite3.Connection, low: int) -> Sequence[Any]:
    """Return each column of a range as JSON text, or itself where every row says the same.

    Return nothing where that cannot be.
    """
    within = (low, low + FETCH_ROWS)
    try:
        first, last = (driver.execute(statement, within).fetchone() for statement in _ENDS)
        if first is None:
            return ()
        pairs = zip(ALIKE, first[1:], last[1:], strict=True)
        same = {name: value for name, value, end in pairs if value == end}
        numbers = range(first[0], last[0] + 1)
        return _guessed(driver, within, numbers, same) or _guessed(driver, within, None, {}) or ()
    except sqlite3.Error:
        return ()


def _guessed(
    driver: sqlite3.Connection,
    within: tuple[int, int],
    numbers: range | None,
    same: Mapping[str, Any],
) -> Sequence[Any] | None:
    """Return a range's columns if these are its numbers, and all its rows say the same there."""
    known: dict[str, Sequence[Any]] = {} if numbers is None else {"number": numbers}
    arrays = [
        f"json_group_array({name})"
        for name in FEED_COLUMNS
        if name not in known and name not in same
    ]
    others = " OR ".join(f"{name} IS NOT ?" for name in same) or "FALSE"
    statement = f"SELECT count(*), sum({others}), {', '.join(arrays)} FROM published {_RANGE}"  # noqa: S608 - our own names
    rows, wrong, *texts = driver.execute(statement, (*same.values(), *within)).fetchone()
    if wrong or (numbers is not None and len(numbers) != rows):
        return None
    known |= {name: Repeated(value, rows) for name, value in same.items()}
    rest = iter(texts)
    return [known[name] if name in known else next(rest) for name in FEED_COLUMNS]


def _apart(parts: Sequence[Any]) -> Sequence[Sequence[Any]] | None:
    try:
        return [orjson.loads(part) if isinstance(part, str) else part for part in parts] or None
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


def _made(rows: Sequence[Sequence[Any]]) -> PublishedColumns:
    return _columns(list(zip(*rows, strict=True)))


def _columns(raw: Sequence[Sequence[Any]]) -> PublishedColumns:
    columns = feed_columns(raw)
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
