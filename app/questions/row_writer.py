"""Writes questions table by table; the rows of new ones can be made before the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection, bindparam, delete, update
from sqlmodel import Session

from app.core.db.bulk_insert import Key, insert_rows, key_for
from app.published.facets import CONTENT_FACETS, Facet
from app.questions.repository import LINKS, QUESTION, REVISION
from app.questions.state import PendingRevision, QuestionState, References, Values

# Facets that are columns of `questions`; the terms of a vocabulary are rows of a table of links.
_COLUMN_FACETS = [facet for facet in CONTENT_FACETS if facet.vocabulary is None]
_CHANGING = (
    "external_id",
    "state",
    "revision",
    "published_revision",
    "published_at",
    "updated_at",
    *(facet.column for facet in _COLUMN_FACETS),
    "family",
)
_UPDATE_QUESTION = (
    update(QUESTION)
    .where(QUESTION.c.id == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_KEYS = {"categories": "slug", "companies": "slug", "tags": "slug", "media": "url"}
_DELETE_LINK = {
    name: delete(links).where(
        links.c.question_id == bindparam("of"), links.c[_KEYS[name]] == bindparam("to")
    )
    for name, links in LINKS.items()
}
_EVIDENCE = ("source", "first_seen", "last_seen", "times_seen")
_UNKNOWN = (None, None, None, None)
_ROW = ("id", "bank", "kind", "created_at", *_CHANGING)
_REVISION_ROW = ("question_id", "number", "content", "created_at", "by", "note")
_LINK_ROWS: dict[str, tuple[str, ...]] = {
    name: ("question_id", key, "in_draft", "in_live") for name, key in _KEYS.items()
}
_LINK_ROWS["companies"] += _EVIDENCE


class Rows(NamedTuple):
    """What new questions are in the tables."""

    questions: list[tuple[object, ...]]
    revisions: list[tuple[object, ...]]
    links: dict[str, list[tuple[object, ...]]]


def rows_of_new(questions: Iterable[QuestionState], key: Key, by: UUID | None) -> Rows:
    """Return the rows of questions that the tables do not know, written in the name of a key."""
    writer = None if by is None else key(by)
    rows = Rows([], [], {name: [] for name in LINKS})
    for question in questions:
        of, evidence = key(question.id), question.evidence()
        rows.questions.append(
            (of, question.bank, question.kind, question.created_at, *_place(question))
        )
        rows.revisions.extend(_revisions(question, of, writer))
        for name, used in question.references().items():
            if used:
                rows.links[name].extend(_links(name, of, used, evidence))
    return rows


def insert_rows_of_new(connection: Connection, rows: Rows) -> None:
    """Write questions that the tables do not know."""
    insert_rows(connection, QUESTION.name, _ROW, rows.questions)
    insert_rows(connection, REVISION.name, _REVISION_ROW, rows.revisions)
    for name, links in LINKS.items():
        insert_rows(connection, links.name, _LINK_ROWS[name], rows.links[name])


def write_questions(session: Session, questions: Sequence[QuestionState], by: UUID | None) -> None:
    """Write what has changed of questions; the tables then hold what is in hand."""
    connection = session.connection()
    key = key_for(connection.dialect.name)
    new = [question for question in questions if question.stored_references is None]
    insert_rows_of_new(connection, rows_of_new(new, key, by))
    known = [question for question in questions if question.stored_references is not None]
    if known:
        _change(connection, known, key, None if by is None else key(by))
    for question in questions:
        question.stored_references, question.stored_evidence, question.pending_revisions = (
            question.references(),
            question.evidence(),
            (),
        )


def _change(
    connection: Connection, known: Sequence[QuestionState], key: Key, writer: object
) -> None:
    connection.execute(_UPDATE_QUESTION, [_changes(question) for question in known])
    revisions = [
        row for question in known for row in _revisions(question, key(question.id), writer)
    ]
    insert_rows(connection, REVISION.name, _REVISION_ROW, revisions)
    now = [(question, question.references(), question.evidence()) for question in known]
    for name, links in LINKS.items():
        gone, come = _differences(name, now, key)
        if gone:
            connection.execute(_DELETE_LINK[name], gone)
        insert_rows(connection, links.name, _LINK_ROWS[name], come)


def _revisions(question: QuestionState, of: object, writer: object) -> list[tuple[object, ...]]:
    return [_revision(of, entry, writer) for entry in question.pending_revisions]


def _revision(of: object, entry: PendingRevision, writer: object) -> tuple[object, ...]:
    revision, note = entry
    return (
        of,
        revision.revision,
        orjson.dumps(revision.values).decode(),
        revision.at,
        writer,
        note,
    )


def _links(
    name: str, of: object, uses: References, evidence: Mapping[str, Any]
) -> list[tuple[object, ...]]:
    if name == "companies":
        return [(of, to, *use, *_said(evidence.get(to))) for to, use in uses.items()]
    return [(of, to, *use) for to, use in uses.items()]


def _differences(
    name: str,
    known: Iterable[tuple[QuestionState, dict[str, References], Mapping[str, Any]]],
    key: Key,
) -> tuple[list[dict[str, object]], list[tuple[object, ...]]]:
    """Return which links to delete of questions that the tables know, and which to insert."""
    gone: list[dict[str, object]] = []
    come: list[tuple[object, ...]] = []
    for question, used, evidence in known:
        left, uses = _difference(question, name, used[name], evidence)
        gone += [{"of": question.id, "to": to} for to in left]
        come += _links(name, key(question.id), uses, evidence)
    return gone, come


def _difference(
    question: QuestionState, name: str, uses: References, evidence: Mapping[str, Any]
) -> tuple[list[str], References]:
    """Return what to delete of the stored uses, and what to insert."""
    old = (question.stored_references or {})[name]
    same = {
        to
        for to, use in uses.items()
        if old.get(to) == use
        and (name != "companies" or evidence.get(to) == question.stored_evidence.get(to))
    }
    return [to for to in old if to not in same], {
        to: use for to, use in uses.items() if to not in same
    }


def _said(evidence: dict[str, Any] | None) -> Iterable[object]:
    return _UNKNOWN if evidence is None else [evidence.get(name) for name in _EVIDENCE]


def _place(question: QuestionState) -> tuple[object, ...]:
    values = question.newest.values
    return (
        question.external_id,
        question.state,
        question.newest.revision,
        None if question.live is None else question.live.revision,
        question.published_at,
        question.newest.at,
        *(_facet_text(facet, values) for facet in _COLUMN_FACETS),
        values["family"],
    )


def _facet_text(facet: Facet, values: Values) -> str:
    # Each of several values stands between commas, so that LIKE '%,fresher,%' finds it.
    text = facet.column_text(values)
    return f",{text}," if facet.many else text


def _changes(question: QuestionState) -> dict[str, Any]:
    changes = {
        f"new_{name}": value for name, value in zip(_CHANGING, _place(question), strict=True)
    }
    return {"of": question.id, **changes}
