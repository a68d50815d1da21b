"""Inserts many rows by the driver's own executemany: a third of the time that Core takes."""

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Connection, TableClause


class Inserter:
    """Inserts tuples of stored values, in the order of their columns' names."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection and its transaction."""
        self._connection = connection
        self._sqlite = connection.dialect.name == "sqlite"

    def key(self, value: UUID) -> object:
        """Return an id as the driver takes it."""
        return value.hex if self._sqlite else value

    def insert(
        self, into: TableClause, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
    ) -> None:
        """Insert the rows, if there are any."""
        if rows:
            statement = _statement(into.name, names, "?" if self._sqlite else "%s")
            self._connection.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=64)
def _statement(into: str, names: tuple[str, ...], mark: str) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join([mark] * len(names))
    return f'INSERT INTO "{into}" ({columns}) VALUES ({marks})'  # noqa: S608 - names of our own
