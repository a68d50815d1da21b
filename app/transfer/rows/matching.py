"""Finds the questions that rows of a file mean, and holds them still while they are changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlmodel import Session

from app.core.db.lock_order import check_lock_order
from app.core.db.tables import table_of
from app.questions.models import Question, Revision
from app.transfer.rows.prepared import Match, Prepared

_QUESTION = table_of(Question)
_REVISION = table_of(Revision)
_PLACE = (
    _QUESTION.c.id,
    _QUESTION.c.state,
    _QUESTION.c.revision,
    _QUESTION.c.published_revision,
    _QUESTION.c.external_id,
)
_NEWEST = (_REVISION.c.question_id == _QUESTION.c.id) & (_REVISION.c.number == _QUESTION.c.revision)


def _among(column: ColumnElement[Any], *wanted: ColumnElement[Any]) -> Select[Any]:
    return select(*wanted).where(
        _QUESTION.c.bank == bindparam("bank"), column.in_(bindparam("wanted", expanding=True))
    )


_FIND = {
    "external_id": _among(_QUESTION.c.external_id, *_PLACE, _REVISION.c.content).join(
        _REVISION, _NEWEST
    ),
    "id": _among(_QUESTION.c.id, *_PLACE, _REVISION.c.content).join(_REVISION, _NEWEST),
}
_LOCK = _among(_QUESTION.c.id, *_PLACE).order_by(_QUESTION.c.id).with_for_update()


def find_matches(
    session: Session, bank: str, external_ids: Sequence[str], ids: Sequence[UUID]
) -> dict[str | UUID, Match]:
    """Return the bank's questions with these external ids and ids, by what found them."""
    found: dict[str | UUID, Match] = {}
    for name, wanted in (("external_id", external_ids), ("id", ids)):
        if not wanted:
            continue
        rows = session.connection().execute(_FIND[name], {"bank": bank, "wanted": list(wanted)})
        for row in rows:
            match = Match(
                id=row.id,
                content=row.content,
                state=row.state,
                revision=row.revision,
                published_revision=row.published_revision,
                external_id=row.external_id,
            )
            found[row.external_id if name == "external_id" else row.id] = match
    return found


def lock_matches(session: Session, bank: str, prepared: Sequence[Prepared]) -> bool:
    """Lock the questions that the rows match, by id; False when one is not as it was found."""
    matches = {entry.match.id: entry.match for entry in prepared if entry.match is not None}
    if not matches:
        return True
    check_lock_order(session)
    locked = session.connection().execute(_LOCK, {"bank": bank, "wanted": list(matches)}).all()
    return len(locked) == len(matches) and all(
        tuple(row) == _place(matches[row.id]) for row in locked
    )


def _place(match: Match) -> tuple[object, ...]:
    return (match.id, match.state, match.revision, match.published_revision, match.external_id)
