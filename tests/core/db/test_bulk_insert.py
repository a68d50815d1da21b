"""Bulk inserts store all rows, whatever their number is."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core import time_and_random
from app.core.db.bulk_insert import ROWS_PER_STATEMENT, id_converter, insert_rows
from app.core.db.database import Database

COLUMNS = ("id", "results", "created_at")
ODD_COUNT = 2 * ROWS_PER_STATEMENT + 50


def _rows(database: Database, count: int) -> list[tuple[object, ...]]:
    convert_id = id_converter(database.dialect)
    return [(convert_id(time_and_random.uuid7()), "[]", position) for position in range(count)]


def _insert(database: Database, rows: list[tuple[object, ...]], suffix: str = "") -> None:
    with database.write() as session:
        insert_rows(session.connection(), "question_batches", COLUMNS, rows, suffix)


def _stored(database: Database) -> list[int]:
    with database.read() as session:
        statement = text("SELECT created_at FROM question_batches ORDER BY created_at")
        return list(session.connection().execute(statement).scalars())


@pytest.mark.parametrize(
    "count", [0, 1, ROWS_PER_STATEMENT - 1, ROWS_PER_STATEMENT, ROWS_PER_STATEMENT + 1, ODD_COUNT]
)
def test_every_row_arrives(database: Database, count: int) -> None:
    _insert(database, _rows(database, count))
    assert _stored(database) == list(range(count))


def test_the_suffix_applies_to_every_row(database: Database) -> None:
    rows = _rows(database, ODD_COUNT)
    _insert(database, rows[: ROWS_PER_STATEMENT + 10])
    _insert(database, rows, "ON CONFLICT DO NOTHING")
    assert _stored(database) == list(range(ODD_COUNT))


def test_one_invalid_row_rolls_everything_back(database: Database) -> None:
    rows = _rows(database, ODD_COUNT)
    with pytest.raises(IntegrityError):
        _insert(database, [*rows, rows[0]])
    assert _stored(database) == []
