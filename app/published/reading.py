"""Reads immutable documents by (number, revision)."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, tuple_
from sqlmodel import select

from app.published.models import Document

CHUNK = 250

_TABLE = Document.__table__  # type: ignore[attr-defined] # SQLModel does not declare it


def read_documents(connection: Connection, wanted: Sequence[tuple[int, int]]) -> dict[int, bytes]:
    """Return the bodies of (number, revision) pairs by number; what does not exist is absent."""
    found: dict[int, bytes] = {}
    for part in chunks(wanted):
        statement = select(_TABLE.c.number, _TABLE.c.body).where(
            tuple_(_TABLE.c.number, _TABLE.c.revision).in_(part)
        )
        found.update((number, bytes(body)) for number, body in connection.execute(statement))
    return found


def chunks(wanted: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    """Cut a list of pairs into parts that fit one statement."""
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]
