"""Counts the rows that refer to another row, in the tables of all rooms."""

from sqlalchemy import Column, func, select
from sqlmodel import Session, SQLModel


def count_references(session: Session, column: Column[str], value: str) -> dict[str, int]:
    """Return the number of rows in each table that refer to `value`; tables without any are absent.

    They are found by the foreign keys of the metadata. Rows that would be deleted together with
    the row they refer to (CASCADE) do not count.
    """
    counts = {}
    for table in SQLModel.metadata.tables.values():
        for key in table.foreign_keys:
            if key.references(column.table) and key.column is column and key.ondelete != "CASCADE":
                statement = select(func.count()).select_from(table).where(key.parent == value)
                count = session.connection().execute(statement).scalar_one()
                if count:
                    counts[table.name] = count
    return counts
