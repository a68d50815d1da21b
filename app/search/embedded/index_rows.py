"""Reads what an index holds of questions by their numbers, and their numbers by what they hold."""

import sqlite3
from collections.abc import Iterable

import orjson
from pyroaring import BitMap

from app.search.embedded.ranking import Row
from app.search.embedded.tables import IndexedBank
from app.search.text.spelling import FIELDS

_COLUMNS = f"rowid, revision, {', '.join(FIELDS)}"
_NUMBERED = "WHERE rowid IN (SELECT value FROM json_each(?))"


def read_rows(
    connection: sqlite3.Connection, bank: IndexedBank, numbers: Iterable[int]
) -> list[Row]:
    """Return what the index holds of questions; of those that it does not know, nothing."""
    statement = f"SELECT {_COLUMNS} FROM {bank.table} {_NUMBERED}"  # noqa: S608 - a number varies
    return list(map(Row._make, connection.execute(statement, (_listed(numbers),))))


def read_stems(
    connection: sqlite3.Connection, bank: IndexedBank, numbers: Iterable[int]
) -> dict[int, tuple[int, str]]:
    """Return the revisions of questions and their stems as they are read."""
    statement = f"SELECT rowid, revision, plain FROM {bank.table} {_NUMBERED}"  # noqa: S608
    rows = connection.execute(statement, (_listed(numbers),))
    return {number: (revision, plain) for number, revision, plain in rows}


def numbers_matching(connection: sqlite3.Connection, bank: IndexedBank, expression: str) -> BitMap:
    """Return the numbers of all questions that match an FTS5 expression."""
    table = bank.table
    # One text, made while Python is free for others, instead of a tuple a question.
    statement = f"SELECT json_group_array(rowid) FROM {table} WHERE {table} MATCH ?"  # noqa: S608
    return BitMap(orjson.loads(connection.execute(statement, (expression,)).fetchone()[0]))


def _listed(numbers: Iterable[int]) -> str:
    return orjson.dumps(list(numbers)).decode()
