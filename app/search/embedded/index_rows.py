"""Reads questions from a bank's FTS5 table: rows by number, and numbers by FTS5 expression."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

import orjson
from pyroaring import BitMap

from app.search.embedded.tables import IndexedBank
from app.search.text.token_phrase import FIELDS, FieldScope, TokenPhrase

_COLUMNS = f"rowid, revision, {', '.join(FIELDS)}"
_WHERE_NUMBER = "WHERE rowid IN (SELECT value FROM json_each(?))"


class IndexRow(NamedTuple):
    """A question in the index: each field has its tokens between spaces."""

    number: int
    revision: int
    stem: str
    options: str
    terms: str
    hints: str
    answer: str

    def fields(self, scope: FieldScope) -> tuple[str, ...]:
        """Return the fields in the scope, in the order of FIELDS."""
        return (self.stem, self.options, self.terms, self.hints, self.answer)[:scope]

    def contains(self, phrase: TokenPhrase) -> bool:
        """Return whether one of the fields contains the phrase; the same result as FTS5 gives."""
        substring = phrase.substring
        return any(substring in field for field in self.fields(phrase.scope))


def read_rows(
    connection: sqlite3.Connection, bank: IndexedBank, numbers: Iterable[int]
) -> list[IndexRow]:
    """Return the rows of these questions; questions that are not in the index are left out."""
    statement = f"SELECT {_COLUMNS} FROM {bank.table} {_WHERE_NUMBER}"  # noqa: S608 - only the table's number varies
    return list(map(IndexRow._make, connection.execute(statement, (_json_list(numbers),))))


def read_stems(
    connection: sqlite3.Connection, bank: IndexedBank, numbers: Iterable[int]
) -> dict[int, tuple[int, str]]:
    """Return the revision and the stem, as plain text, of each question by number."""
    statement = f"SELECT rowid, revision, stem_text FROM {bank.table} {_WHERE_NUMBER}"  # noqa: S608
    rows = connection.execute(statement, (_json_list(numbers),))
    return {number: (revision, stem_text) for number, revision, stem_text in rows}


def numbers_matching(connection: sqlite3.Connection, bank: IndexedBank, expression: str) -> BitMap:
    """Return the numbers of all questions that match an FTS5 expression."""
    table = bank.table
    # SQLite makes one JSON text without holding the interpreter lock. Fetching a tuple for each
    # question would block the other threads: see "16 at once" in docs/benchmarks.md.
    statement = f"SELECT json_group_array(rowid) FROM {table} WHERE {table} MATCH ?"  # noqa: S608
    return BitMap(orjson.loads(connection.execute(statement, (expression,)).fetchone()[0]))


def _json_list(numbers: Iterable[int]) -> str:
    return orjson.dumps(list(numbers)).decode()
