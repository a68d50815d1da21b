"""Inserts many rows by the driver's own `executemany`, which is quicker than SQLAlchemy Core."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from uuid import UUID

from sqlalchemy import Connection

# SQLite prepares each statement anew, with all sets of values that CHECK constraints name.
ROWS_PER_STATEMENT = 100

# Turns an id into the value that the driver stores.
IdConverter = Callable[[UUID], object]


def id_converter(dialect: str) -> IdConverter:
    """Return the converter of ids for a dialect: SQLite stores them as hexadecimal text."""
    return _hexadecimal if dialect == "sqlite" else _unchanged


def insert_rows(
    connection: Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
    suffix: str = "",
) -> None:
    """Insert tuples of stored values, in the order of the columns; nothing for no rows.

    `suffix` follows the values, such as `ON CONFLICT DO NOTHING`. Table, columns and suffix are
    not escaped, so they must never come from a user.
    """
    placeholder = "?" if connection.dialect.name == "sqlite" else "%s"
    full = len(rows) - len(rows) % ROWS_PER_STATEMENT
    if full:
        groups = [
            tuple(chain.from_iterable(rows[start : start + ROWS_PER_STATEMENT]))
            for start in range(0, full, ROWS_PER_STATEMENT)
        ]
        statement = _statement(table, columns, placeholder, ROWS_PER_STATEMENT, suffix)
        connection.exec_driver_sql(statement, groups)
    if full < len(rows):
        statement = _statement(table, columns, placeholder, 1, suffix)
        connection.exec_driver_sql(statement, list(rows[full:]))


def _hexadecimal(value: UUID) -> str:
    return value.hex


def _unchanged(value: UUID) -> UUID:
    return value


@lru_cache(maxsize=64)
def _statement(
    table: str, columns: tuple[str, ...], placeholder: str, row_count: int, suffix: str
) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    row = f"({', '.join([placeholder] * len(columns))})"
    rows = ", ".join([row] * row_count)
    return f'INSERT INTO "{table}" ({names}) VALUES {rows} {suffix}'  # noqa: S608 - names of our own
