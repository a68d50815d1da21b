"""The only way into what is public: publish and withdraw, numbered by the clock."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlmodel import Session

from app.core.db.bulk_insert import insert_rows, key_for
from app.core.db.edition_clock import advance
from app.core.db.tables import table_of
from app.published.models import Published

# Well below the number of parameters that one statement may carry on either database.
CHUNK = 500


class Publication(NamedTuple):
    """One revision that goes live; `number` is None at the question's first publication.

    Times are milliseconds since 1970; `document` and `answers` are JSON objects in UTF-8.
    """

    id: UUID
    number: int | None
    bank: str
    revision: int
    kind: str
    categories: tuple[str, ...]
    companies: tuple[str, ...]
    tags: tuple[str, ...]
    levels: tuple[str, ...]
    difficulty: str
    language: str
    family: str | None
    translation_group: str | None
    document: bytes
    answers: bytes
    published_at: int
    updated_at: int


def put(session: Session, publications: Sequence[Publication]) -> list[int]:
    """Make revisions live and return their questions' numbers, in order.

    A revision that was live before keeps its document, so give the `updated_at` that it had then.
    Locks the edition clock, so call this last, or before other functions of this module only.
    """
    if not publications:
        return []
    connection = session.connection()
    fresh = sum(1 for entry in publications if entry.number is None)
    mark, next_number = advance(session, len(publications), fresh)
    first_number = next_number - fresh
    first_seq = mark.seq - len(publications) + 1
    numbers = []
    for entry in publications:
        if entry.number is None:
            numbers.append(first_number)
            first_number += 1
        else:
            numbers.append(entry.number)
    _insert_bodies(connection, publications, numbers)
    key = key_for(connection.dialect.name)
    rows = [
        _row(entry, number, seq, key(entry.id))
        for seq, (entry, number) in enumerate(zip(publications, numbers, strict=True), first_seq)
    ]
    new = [row for row, entry in zip(rows, publications, strict=True) if entry.number is None]
    known = [row for row, entry in zip(rows, publications, strict=True) if entry.number is not None]
    # New numbers cannot be there; to be ready for it takes half as long again.
    insert_rows(connection, "published", _COLUMNS, new)
    insert_rows(connection, "published", _COLUMNS, known, _REPLACING)
    return numbers


def withdraw(session: Session, ids: Sequence[UUID]) -> None:
    """Turn the live rows of these questions into tombstones; locks the edition clock."""
    connection = session.connection()
    live = [
        row.number
        for start in range(0, len(ids), CHUNK)
        for row in connection.execute(
            select(_PUBLISHED.c.number)
            .where(
                _PUBLISHED.c.id.in_(ids[start : start + CHUNK]), _PUBLISHED.c.revision.is_not(None)
            )
            .order_by(_PUBLISHED.c.number)
        )
    ]
    if not live:
        return
    mark, _ = advance(session, len(live), 0)
    first_seq = mark.seq - len(live) + 1
    for place, number in enumerate(live):
        connection.execute(
            update(_PUBLISHED)
            .where(_PUBLISHED.c.number == number)
            .values(revision=None, seq=first_seq + place)
        )


def _insert_bodies(
    connection: Connection, publications: Sequence[Publication], numbers: Sequence[int]
) -> None:
    columns = ("number", "revision", "body")
    for table, bodies in (
        ("documents", [entry.document for entry in publications]),
        ("answers", [entry.answers for entry in publications]),
    ):
        rows = [
            (number, entry.revision, body)
            for entry, number, body in zip(publications, numbers, bodies, strict=True)
        ]
        insert_rows(connection, table, columns, rows, "ON CONFLICT DO NOTHING")


def _row(entry: Publication, number: int, seq: int, id_value: object) -> tuple[object, ...]:
    return (
        number,
        id_value,
        entry.bank,
        seq,
        entry.revision,
        entry.kind,
        ",".join(entry.categories),
        ",".join(entry.companies),
        ",".join(entry.tags),
        ",".join(entry.levels),
        entry.difficulty,
        entry.language,
        entry.family,
        entry.translation_group,
        entry.published_at,
        entry.updated_at,
    )


_PUBLISHED = table_of(Published)
_COLUMNS = tuple(column.name for column in _PUBLISHED.c)
_KEPT = {"number", "id", "published_at"}
_REPLACING = "ON CONFLICT (number) DO UPDATE SET " + ", ".join(
    f'"{name}" = excluded."{name}"' for name in _COLUMNS if name not in _KEPT
)
