"""The SQLAlchemy table of a model, for statements of SQLAlchemy Core."""

from sqlalchemy import Table
from sqlmodel import SQLModel


def table_of(model: type[SQLModel]) -> Table:
    """Return a model's table."""
    table: Table = model.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
    return table
