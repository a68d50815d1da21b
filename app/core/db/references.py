"""Counts the rows that refer to another one, whichever rooms they belong to."""

from sqlalchemy import Column, func, select
from sqlmodel import Session, SQLModel


def count_uses(session: Session, column: Column[str], value: str) -> dict[str, int]:
    """Return how many rows of each table refer to `value`; tables that have none are absent.

    Found by the foreign keys of the metadata. A row that would go along (CASCADE) is no use.
    """
    found = {}
    for table in SQLModel.metadata.tables.values():
        for key in table.foreign_keys:
            if key.references(column.table) and key.column is column and key.ondelete != "CASCADE":
                statement = select(func.count()).select_from(table).where(key.parent == value)
                count = session.connection().execute(statement).scalar_one()
                if count:
                    found[table.name] = count
    return found
