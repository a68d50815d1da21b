"""Finds the questions that rows match, and locks them before they are changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlmodel import Session

from app.core.db.lock_order import check_lock_order
from app.core.db.tables import table_of
from app.questions.models import Question, Revision
from app.transfer.rows.prepared import MatchedQuestion, QuestionVersion

_QUESTION = table_of(Question)
_REVISION = table_of(Revision)
# In the order of the fields of QuestionVersion.
_VERSION = (
    _QUESTION.c.id,
    _QUESTION.c.state,
    _QUESTION.c.revision,
    _QUESTION.c.published_revision,
    _QUESTION.c.external_id,
)
_IS_NEWEST = (_REVISION.c.question_id == _QUESTION.c.id) & (
    _REVISION.c.number == _QUESTION.c.revision
)


def _select_by(key: ColumnElement[Any], *columns: ColumnElement[Any]) -> Select[Any]:
    return select(*columns).where(
        _QUESTION.c.bank == bindparam("bank"), key.in_(bindparam("keys", expanding=True))
    )


_FIND = {
    "external_id": _select_by(_QUESTION.c.external_id, *_VERSION, _REVISION.c.content).join(
        _REVISION, _IS_NEWEST
    ),
    "id": _select_by(_QUESTION.c.id, *_VERSION, _REVISION.c.content).join(_REVISION, _IS_NEWEST),
}
_LOCK = _select_by(_QUESTION.c.id, *_VERSION).order_by(_QUESTION.c.id).with_for_update()


def find_matches(
    session: Session, bank: str, external_ids: Sequence[str], ids: Sequence[UUID]
) -> dict[str | UUID, MatchedQuestion]:
    """Return the bank's questions with these external ids and ids, by the value that found them."""
    found: dict[str | UUID, MatchedQuestion] = {}
    for name, keys in (("external_id", external_ids), ("id", ids)):
        if not keys:
            continue
        rows = session.connection().execute(_FIND[name], {"bank": bank, "keys": list(keys)})
        for *version_values, content in rows:
            version = QuestionVersion(*version_values)
            key = version.external_id if name == "external_id" else version.id
            if key is not None:
                found[key] = MatchedQuestion(version, content)
    return found


def lock_matches(session: Session, bank: str, versions: Sequence[QuestionVersion]) -> bool:
    """Lock questions in the order of their ids; return False if one of them has changed."""
    if not versions:
        return True
    check_lock_order(session)
    ids = [version.id for version in versions]
    locked = session.connection().execute(_LOCK, {"bank": bank, "keys": ids})
    return {QuestionVersion(*row) for row in locked} == set(versions)
