"""Writes questions to their tables. Rows of new questions can be made before the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection, bindparam, delete, update
from sqlmodel import Session

from app.core.db.bulk_insert import IdConverter, id_converter, insert_rows
from app.published.facets import CONTENT_FACETS, Facet
from app.questions.repository import LINKS, QUESTION, REVISION
from app.questions.state import PendingRevision, QuestionState, References, Values

# Facets with a column in `questions`. The terms of a vocabulary are in a link table instead.
_COLUMN_FACETS = [facet for facet in CONTENT_FACETS if facet.vocabulary is None]
_MUTABLE_COLUMNS = (
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
    .values({name: bindparam(f"new_{name}") for name in _MUTABLE_COLUMNS})
)
_TARGET_COLUMNS = {"categories": "slug", "companies": "slug", "tags": "slug", "media": "url"}
_DELETE_LINK = {
    name: delete(links).where(
        links.c.question_id == bindparam("of"), links.c[_TARGET_COLUMNS[name]] == bindparam("to")
    )
    for name, links in LINKS.items()
}
_EVIDENCE = ("source", "first_seen", "last_seen", "times_seen")
_NO_EVIDENCE = (None, None, None, None)
_QUESTION_COLUMNS = ("id", "bank", "kind", "created_at", *_MUTABLE_COLUMNS)
_REVISION_COLUMNS = ("question_id", "number", "content", "created_at", "by", "note")
_LINK_COLUMNS: dict[str, tuple[str, ...]] = {
    name: ("question_id", key, "in_draft", "in_live") for name, key in _TARGET_COLUMNS.items()
}
_LINK_COLUMNS["companies"] += _EVIDENCE


class Rows(NamedTuple):
    """The rows of new questions, by table."""

    questions: list[tuple[object, ...]]
    revisions: list[tuple[object, ...]]
    links: dict[str, list[tuple[object, ...]]]


def rows_of_new(questions: Iterable[QuestionState], key: IdConverter, by: UUID | None) -> Rows:
    """Return the rows of new questions; `by` is the API key that saves them."""
    saved_by = None if by is None else key(by)
    rows = Rows([], [], {name: [] for name in LINKS})
    for question in questions:
        of, evidence = key(question.id), question.evidence()
        rows.questions.append(
            (of, question.bank, question.kind, question.created_at, *_column_values(question))
        )
        rows.revisions.extend(_revisions(question, of, saved_by))
        for name, references in question.references().items():
            if references:
                rows.links[name].extend(_links(name, of, references, evidence))
    return rows


def insert_rows_of_new(connection: Connection, rows: Rows) -> None:
    """Insert the rows of new questions."""
    insert_rows(connection, QUESTION.name, _QUESTION_COLUMNS, rows.questions)
    insert_rows(connection, REVISION.name, _REVISION_COLUMNS, rows.revisions)
    for name, links in LINKS.items():
        insert_rows(connection, links.name, _LINK_COLUMNS[name], rows.links[name])


def write_questions(session: Session, questions: Sequence[QuestionState], by: UUID | None) -> None:
    """Insert new questions and update changed ones."""
    connection = session.connection()
    key = id_converter(connection.dialect.name)
    new = [question for question in questions if question.stored_references is None]
    insert_rows_of_new(connection, rows_of_new(new, key, by))
    known = [question for question in questions if question.stored_references is not None]
    if known:
        _update(connection, known, key, None if by is None else key(by))
    for question in questions:
        question.stored_references, question.stored_evidence, question.pending_revisions = (
            question.references(),
            question.evidence(),
            (),
        )


def _update(
    connection: Connection, known: Sequence[QuestionState], key: IdConverter, saved_by: object
) -> None:
    connection.execute(_UPDATE_QUESTION, [_update_parameters(question) for question in known])
    revisions = [
        row for question in known for row in _revisions(question, key(question.id), saved_by)
    ]
    insert_rows(connection, REVISION.name, _REVISION_COLUMNS, revisions)
    now = [(question, question.references(), question.evidence()) for question in known]
    for name, links in LINKS.items():
        deleted, inserted = _differences(name, now, key)
        if deleted:
            connection.execute(_DELETE_LINK[name], deleted)
        insert_rows(connection, links.name, _LINK_COLUMNS[name], inserted)


def _revisions(question: QuestionState, of: object, saved_by: object) -> list[tuple[object, ...]]:
    return [_revision(of, entry, saved_by) for entry in question.pending_revisions]


def _revision(of: object, entry: PendingRevision, saved_by: object) -> tuple[object, ...]:
    revision, note = entry
    return (
        of,
        revision.revision,
        orjson.dumps(revision.values).decode(),
        revision.at,
        saved_by,
        note,
    )


def _links(
    name: str, of: object, references: References, evidence: Mapping[str, Any]
) -> list[tuple[object, ...]]:
    if name == "companies":
        return [
            (of, target, *flags, *_evidence_columns(evidence.get(target)))
            for target, flags in references.items()
        ]
    return [(of, target, *flags) for target, flags in references.items()]


def _differences(
    name: str,
    known: Iterable[tuple[QuestionState, dict[str, References], Mapping[str, Any]]],
    key: IdConverter,
) -> tuple[list[dict[str, object]], list[tuple[object, ...]]]:
    """Return the link rows to delete and to insert for existing questions."""
    deleted: list[dict[str, object]] = []
    inserted: list[tuple[object, ...]] = []
    for question, references, evidence in known:
        removed, added = _difference(question, name, references[name], evidence)
        deleted += [{"of": question.id, "to": target} for target in removed]
        inserted += _links(name, key(question.id), added, evidence)
    return deleted, inserted


def _difference(
    question: QuestionState, name: str, references: References, evidence: Mapping[str, Any]
) -> tuple[list[str], References]:
    """Return the targets whose links to delete, and the references to insert."""
    old = (question.stored_references or {})[name]
    same = {
        target
        for target, flags in references.items()
        if old.get(target) == flags
        and (name != "companies" or evidence.get(target) == question.stored_evidence.get(target))
    }
    return [target for target in old if target not in same], {
        target: flags for target, flags in references.items() if target not in same
    }


def _evidence_columns(evidence: dict[str, Any] | None) -> Iterable[object]:
    return _NO_EVIDENCE if evidence is None else [evidence.get(name) for name in _EVIDENCE]


def _column_values(question: QuestionState) -> tuple[object, ...]:
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
    # Several values have commas around each, so that LIKE '%,fresher,%' finds one.
    text = facet.column_text(values)
    return f",{text}," if facet.many else text


def _update_parameters(question: QuestionState) -> dict[str, Any]:
    changes = {
        f"new_{name}": value
        for name, value in zip(_MUTABLE_COLUMNS, _column_values(question), strict=True)
    }
    return {"of": question.id, **changes}
