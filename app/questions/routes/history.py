"""The routes of a question's history: its revisions, and the differences between two."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import Row

from app.core.http.deps import ReadSession, SecretsDep
from app.core.http.json_route import JsonRoute
from app.core.http.keyset_list import KeysetList
from app.core.http.pages import Page
from app.core.http.query_string import (
    Parameter,
    int_between,
    openapi_parameters,
    reject_unknown,
    single_value,
)
from app.core.http.request_inputs import QueryPairs
from app.core.openapi.operation_docs import problems, scope
from app.questions import repository
from app.questions.rendering import time_text
from app.questions.revision_diff import differences
from app.questions.routes import examples
from app.questions.routes.responses import PATH, EditorDep, example_response, json_response
from app.questions.schemas import DiffRead, RevisionDetail, RevisionRead
from app.questions.service import QuestionService
from app.questions.state import QuestionState

MAX_REVISION = 2**31 - 1
_NUMBER = {"type": "integer", "minimum": 1}
FROM = Parameter("from", "a revision; default: the live one, or else the one before `to`", _NUMBER)
TO = Parameter("to", "a revision; default: the newest", _NUMBER)

router = APIRouter(tags=["editing"], route_class=JsonRoute)


@router.get(
    PATH + "/{question_id:uuid}/revisions",
    summary="List the revisions of a question",
    responses=problems(404, 410) | {200: example_response(examples.REVISIONS, Page[RevisionRead])},
    openapi_extra=scope(
        "questions:read",
        parameters=KeysetList("editing/revisions", max_limit=100, default_limit=20).openapi,
    ),
)
def list_revisions(
    question_id: UUID,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return the revisions without content, the newest first."""
    question = QuestionService(session, secrets, editor).get(question_id)
    listing = KeysetList(f"editing/revisions/{question.id}", max_limit=100, default_limit=20)
    page_request = listing.read_request(session, secrets, pairs)
    before = int(page_request.after) if page_request.after else None
    rows, total = repository.revisions(session, question.id, before, page_request.limit + 1)
    found = [(str(row.number), _revision_json(row)) for row in rows]
    return json_response(listing.page(secrets, page_request, found, total).model_dump())


@router.get(
    PATH + "/{question_id:uuid}/revisions/{number:int}",
    summary="Get a revision of a question",
    responses=problems(404) | {200: example_response(examples.REVISION_DETAIL, RevisionDetail)},
    openapi_extra=scope("questions:read"),
)
def get_revision(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    question_id: UUID,
    number: int,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return a revision; its answers only with `answers:read` on the bank."""
    service = QuestionService(session, secrets, editor)
    question = service.get(question_id)
    row, view = service.revision(question, number)
    reject_unknown(pairs, ())
    return json_response({**_revision_json(row), "question": view})


@router.get(
    PATH + "/{question_id:uuid}/diff",
    summary="Compare two revisions of a question",
    responses=problems(404) | {200: example_response(examples.DIFF, DiffRead)},
    openapi_extra=scope("questions:read", parameters=openapi_parameters([FROM, TO])),
)
def get_diff(
    question_id: UUID,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return each field that differs; answers only with `answers:read` on the bank."""
    service = QuestionService(session, secrets, editor)
    question = service.get(question_id)
    reject_unknown(pairs, (FROM.name, TO.name))
    later = single_value(pairs, TO.name, int_between(1, MAX_REVISION), question.revision)
    earlier = single_value(
        pairs, FROM.name, int_between(1, MAX_REVISION), _default_from(question, later)
    )
    _, before = service.revision(question, earlier)
    _, after = service.revision(question, later)
    return json_response({"from": earlier, "to": later, "changes": differences(before, after)})


def _default_from(question: QuestionState, later: int) -> int:
    live = question.published_revision
    return live if live is not None and live != later else max(1, later - 1)


def _revision_json(row: Row[Any]) -> dict[str, Any]:
    return {
        "revision": row.number,
        "created_at": time_text(row.created_at),
        "by": None if row.by is None else str(row.by),
        "note": row.note,
    }
