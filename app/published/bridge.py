"""The only way into what is public: publish and withdraw, numbered by the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.core.clock import Clock, Mark
from app.published.models import Answer, Document, Published

# Well below the number of parameters that one statement may carry on either database.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Publication:
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

    A revision that was live before keeps its document, so give the `updated_at` that it had then. Locks the clock: nothing may be locked
    after it, so call this last (or before other calls of this module only).
    """
    if not publications:
        return []
    connection = session.connection()
    fresh = sum(1 for entry in publications if entry.number is None)
    mark, next_number = _advance(session, len(publications), fresh)
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
    rows = [
        _row(entry, number, first_seq + place)
        for place, (entry, number) in enumerate(zip(publications, numbers, strict=True))
    ]
    _upsert(connection, rows)
    return numbers


def withdraw(session: Session, ids: Sequence[UUID]) -> None:
    """Turn the live rows of these questions into tombstones; locks the clock, so call it last."""
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
    mark, _ = _advance(session, len(live), 0)
    first_seq = mark.seq - len(live) + 1
    for place, number in enumerate(live):
        connection.execute(
            update(_PUBLISHED)
            .where(_PUBLISHED.c.number == number)
            .values(revision=None, seq=first_seq + place)
        )


def _advance(session: Session, rows: int, fresh: int) -> tuple[Mark, int]:
    statement = (
        update(_CLOCK)
        .values(seq=_CLOCK.c.seq + rows, next_number=_CLOCK.c.next_number + fresh)
        .returning(_CLOCK.c.epoch, _CLOCK.c.seq, _CLOCK.c.terms, _CLOCK.c.next_number)
    )
    epoch, seq, terms, next_number = session.connection().execute(statement).one()
    mark = Mark(epoch, seq, terms)
    session.info["mark"] = mark
    return mark, next_number


def _insert_bodies(
    connection: Connection, publications: Sequence[Publication], numbers: Sequence[int]
) -> None:
    for table, bodies in (
        (_DOCUMENT, [entry.document for entry in publications]),
        (_ANSWER, [entry.answers for entry in publications]),
    ):
        rows = [
            {"number": number, "revision": entry.revision, "body": body}
            for entry, number, body in zip(publications, numbers, bodies, strict=True)
        ]
        renewed = any(entry.number is not None for entry in publications)
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table).on_conflict_do_nothing() if renewed else insert(table)
        connection.execute(statement, rows)


def _row(entry: Publication, number: int, seq: int) -> dict[str, object]:
    return {
        "number": number,
        "id": entry.id,
        "bank": entry.bank,
        "seq": seq,
        "revision": entry.revision,
        "kind": entry.kind,
        "categories": ",".join(entry.categories),
        "companies": ",".join(entry.companies),
        "tags": ",".join(entry.tags),
        "levels": ",".join(entry.levels),
        "difficulty": entry.difficulty,
        "language": entry.language,
        "family": entry.family,
        "translation_group": entry.translation_group,
        "published_at": entry.published_at,
        "updated_at": entry.updated_at,
    }


def _upsert(connection: Connection, rows: list[dict[str, object]]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(_PUBLISHED)
    changed = {
        column.name: statement.excluded[column.name]
        for column in _PUBLISHED.c
        if column.name not in {"number", "id", "published_at"}
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=["number"], set_=changed), rows
    )


_CLOCK = Clock.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
_DOCUMENT = Document.__table__  # type: ignore[attr-defined]
_ANSWER = Answer.__table__  # type: ignore[attr-defined]
_PUBLISHED = Published.__table__  # type: ignore[attr-defined]
