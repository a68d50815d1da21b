"""Many rows are inserted at once, and all of them arrive, however many there are."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core import time_and_random
from app.core.db.bulk_insert import ROWS_PER_STATEMENT, id_converter, insert_rows
from app.core.db.database import Database

NAMES = ("id", "results", "created_at")
ODD = 2 * ROWS_PER_STATEMENT + 50


def _rows(database: Database, count: int) -> list[tuple[object, ...]]:
    key = id_converter(database.dialect)
    return [(key(time_and_random.uuid7()), "[]", place) for place in range(count)]


def _insert(database: Database, rows: list[tuple[object, ...]], ending: str = "") -> None:
    with database.write() as session:
        insert_rows(session.connection(), "question_batches", NAMES, rows, ending)


def _found(database: Database) -> list[int]:
    with database.read() as session:
        statement = text("SELECT created_at FROM question_batches ORDER BY created_at")
        return list(session.connection().execute(statement).scalars())


@pytest.mark.parametrize(
    "count", [0, 1, ROWS_PER_STATEMENT - 1, ROWS_PER_STATEMENT, ROWS_PER_STATEMENT + 1, ODD]
)
def test_every_row_arrives(database: Database, count: int) -> None:
    _insert(database, _rows(database, count))
    assert _found(database) == list(range(count))


def test_an_ending_holds_for_every_row(database: Database) -> None:
    rows = _rows(database, ODD)
    _insert(database, rows[: ROWS_PER_STATEMENT + 10])
    _insert(database, rows, "ON CONFLICT DO NOTHING")
    assert _found(database) == list(range(ODD))


def test_one_row_that_cannot_be_leaves_none(database: Database) -> None:
    rows = _rows(database, ODD)
    with pytest.raises(IntegrityError):
        _insert(database, [*rows, rows[0]])
    assert _found(database) == []
