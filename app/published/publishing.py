"""The only way to change what is public: publish and withdraw, numbered by the edition clock."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlmodel import Session

from app.core.db.bulk_insert import id_converter, insert_rows
from app.core.db.edition_clock import advance
from app.core.db.tables import table_of
from app.published.feed_columns import FACET_COLUMNS
from app.published.models import Published

# Well below the maximum number of parameters of a statement on either database.
MAX_IDS = 500


class Publication(NamedTuple):
    """One revision that goes live; `number` is None at the question's first publication.

    `facets` is what `facet_texts` returns for the content. Times are in milliseconds since 1970.
    `document` and `answers` are JSON objects in UTF-8.
    """

    id: UUID
    number: int | None
    bank: str
    revision: int
    facets: tuple[str, ...]
    family: str | None
    translation_group: str | None
    document: bytes
    answers: bytes
    published_at: int
    updated_at: int


def publish(session: Session, publications: Sequence[Publication]) -> list[int]:
    """Make revisions live and return their questions' numbers, in order.

    The document of a revision that was live before stays as it is, so its publication must have
    the same `updated_at`. Locks the edition clock: after it, call only functions of this
    module.
    """
    if not publications:
        return []
    connection = session.connection()
    new_count = sum(1 for each in publications if each.number is None)
    mark, next_number = advance(session, len(publications), new_count)
    new_number = next_number - new_count
    first_seq = mark.seq - len(publications) + 1
    numbers = []
    for publication in publications:
        if publication.number is None:
            numbers.append(new_number)
            new_number += 1
        else:
            numbers.append(publication.number)
    _insert_bodies(connection, publications, numbers)
    key = id_converter(connection.dialect.name)
    numbered = list(zip(publications, numbers, strict=True))
    rows = [
        _row(each, number, seq, key(each.id))
        for seq, (each, number) in enumerate(numbered, first_seq)
    ]
    new = [row for row, each in zip(rows, publications, strict=True) if each.number is None]
    known = [row for row, each in zip(rows, publications, strict=True) if each.number is not None]
    # New numbers need no upsert, which is slower.
    insert_rows(connection, "published", _COLUMNS, new)
    insert_rows(connection, "published", _COLUMNS, known, _ON_CONFLICT_UPDATE)
    return numbers


def withdraw(session: Session, ids: Sequence[UUID]) -> None:
    """Turn the live rows of questions into tombstones; locks the edition clock."""
    connection = session.connection()
    live = [
        row.number
        for start in range(0, len(ids), MAX_IDS)
        for row in connection.execute(
            select(_PUBLISHED.c.number)
            .where(
                _PUBLISHED.c.id.in_(ids[start : start + MAX_IDS]),
                _PUBLISHED.c.revision.is_not(None),
            )
            .order_by(_PUBLISHED.c.number)
        )
    ]
    if not live:
        return
    mark, _ = advance(session, len(live), 0)
    first_seq = mark.seq - len(live) + 1
    for seq, number in enumerate(live, first_seq):
        connection.execute(
            update(_PUBLISHED).where(_PUBLISHED.c.number == number).values(revision=None, seq=seq)
        )


def _insert_bodies(
    connection: Connection, publications: Sequence[Publication], numbers: Sequence[int]
) -> None:
    columns = ("number", "revision", "body")
    for table, bodies in (
        ("documents", [each.document for each in publications]),
        ("answers", [each.answers for each in publications]),
    ):
        rows = [
            (number, each.revision, body)
            for each, number, body in zip(publications, numbers, bodies, strict=True)
        ]
        insert_rows(connection, table, columns, rows, "ON CONFLICT DO NOTHING")


def _row(publication: Publication, number: int, seq: int, id_value: object) -> tuple[object, ...]:
    return (
        number,
        id_value,
        publication.bank,
        seq,
        publication.revision,
        *publication.facets,
        publication.family,
        publication.translation_group,
        publication.published_at,
        publication.updated_at,
    )


_PUBLISHED = table_of(Published)
# In the order of `_row`.
_COLUMNS = (
    *("number", "id", "bank", "seq", "revision"),
    *FACET_COLUMNS,
    *("family", "translation_group", "published_at", "updated_at"),
)
# Columns that a later publication of the same question leaves as they are.
_CONSTANT = {"number", "id", "published_at"}
_ON_CONFLICT_UPDATE = "ON CONFLICT (number) DO UPDATE SET " + ", ".join(
    f'"{name}" = excluded."{name}"' for name in _COLUMNS if name not in _CONSTANT
)
