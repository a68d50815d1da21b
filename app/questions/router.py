"""The routes of questions under /v1/editing."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.core.db.edition_clock import read_mark
from app.core.http.deps import ReadSession, SecretsDep, WriteSession, services_of
from app.core.http.idempotency_deps import IdempotencyDep
from app.core.http.json_route import JsonRoute
from app.core.http.pages import Page
from app.core.http.query_string import openapi_parameters, reject_unknown
from app.core.http.request_inputs import MERGE_PATCH_TYPES, JsonBody, QueryPairs
from app.core.openapi.operation_docs import problems, scope
from app.published.question_filter import Known
from app.questions import listing
from app.questions.routes import examples
from app.questions.routes.history import router as history_router
from app.questions.routes.list_query import PARAMETERS, read_query
from app.questions.routes.request_bodies import request_body
from app.questions.routes.responses import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    NOTE,
    PATH,
    PUBLISH,
    EditorDep,
    an_object,
    if_match,
    question_reply,
    reply,
    saving,
    shows,
)
from app.questions.routes.term_merges import router as terms_router
from app.questions.routes.transitions import router as moving_router
from app.questions.schemas import QuestionCreate, QuestionPatch, QuestionRead
from app.questions.service import QuestionService
from app.taxonomy.vocabulary_snapshot import Glossary

SAVING = openapi_parameters([PUBLISH, NOTE])

router = APIRouter(tags=["editing"], route_class=JsonRoute)


@router.post(
    PATH,
    summary="Make a question",
    status_code=201,
    responses=problems(404, 409, 413, 415) | {201: shows(examples.VIEW, QuestionRead)},
    openapi_extra=scope(
        "questions:write",
        parameters=[*SAVING, IDEMPOTENCY_KEY],
        requestBody=request_body(QuestionCreate, examples.CREATE),
    ),
)
def create_question(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    body: JsonBody,
    pairs: QueryPairs,
    editor: EditorDep,
    once: IdempotencyDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Make a question: a draft, or published at once with `publish=true`.

    Options get ids of the server's. Terms are named by slug and have to exist.
    """
    publish, note = saving(pairs)
    service = QuestionService(session, secrets, editor, note)
    made = once.replay(session)
    if made is not None:
        return question_reply(service.view(service.look(UUID(made))), 201)
    held = service.create(an_object(body), publish=publish)
    once.record(session, 201, str(held.id))
    service.finish()
    return question_reply(service.view(held), 201)


@router.get(
    PATH,
    summary="List questions in every state",
    responses=problems(410) | {200: shows(examples.LIST, Page[QuestionRead])},
    openapi_extra=scope("questions:read", parameters=openapi_parameters(PARAMETERS)),
)
def list_editing_questions(
    request: Request,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return questions by filter and state, the newest first; the filter means newest revisions."""
    glossary = services_of(request).get(Glossary)
    known = Known(editor.banks("questions:read"), glossary.current)
    asked = read_query(pairs, known, secrets, read_mark(session).epoch)
    found, total = listing.page(
        session, asked.wanted, glossary.current, asked.before, asked.limit + 1
    )
    service = QuestionService(session, secrets, editor)
    shown = found[: asked.limit]
    cursor = asked.following(secrets, shown[-1]) if len(found) > asked.limit else None
    page: dict[str, Any] = {"items": [service.view(held) for held in shown]}
    return reply(page | {"total": total, "next_cursor": cursor})


@router.get(
    PATH + "/{question_id:uuid}",
    summary="Look at a question in any state",
    responses=problems(404) | {200: shows(examples.VIEW, QuestionRead)},
    openapi_extra=scope("questions:read"),
)
def get_editing_question(
    question_id: UUID,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return the newest revision; its answer side with `answers:read` on the bank only."""
    service = QuestionService(session, secrets, editor)
    held = service.look(question_id)
    reject_unknown(pairs, ())
    return question_reply(service.view(held))


@router.patch(
    PATH + "/{question_id:uuid}",
    summary="Change a question",
    responses=problems(404, 409, 413, 415, 428) | {200: shows(examples.PATCHED, QuestionRead)},
    openapi_extra=scope(
        "questions:write",
        parameters=[IF_MATCH, *SAVING],
        requestBody=request_body(QuestionPatch, [examples.PATCH], MERGE_PATCH_TYPES),
        **{"x-media-types": MERGE_PATCH_TYPES},
    ),
)
def update_question(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    question_id: UUID,
    request: Request,
    body: JsonBody,
    pairs: QueryPairs,
    editor: EditorDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Save a merge patch as a new revision; what is live stays as it was until it is published.

    Lists are replaced whole; an option that names its `id` stays itself; null sets the default.
    """
    service = QuestionService(session, secrets, editor)
    etag = if_match(request)
    service.approach(question_id, "questions:write", etag)
    publish, service.note = saving(pairs)
    held = service.update(question_id, an_object(body), etag, publish=publish)
    service.finish()
    return question_reply(service.view(held))


@router.delete(
    PATH + "/{question_id:uuid}",
    summary="Delete a question that was never published",
    status_code=204,
    responses=problems(404, 409, 428),
    openapi_extra=scope("questions:write", parameters=[IF_MATCH]),
)
def delete_question(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    question_id: UUID,
    request: Request,
    pairs: QueryPairs,
    editor: EditorDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> None:
    """Delete a question with its revisions; what was published once can be archived instead."""
    service = QuestionService(session, secrets, editor)
    etag = if_match(request)
    service.approach(question_id, "questions:write", etag)
    reject_unknown(pairs, ())
    service.delete(question_id, etag)


# Not included but taken over: the table of what routes demand reads a router's own routes.
router.routes += [*moving_router.routes, *history_router.routes, *terms_router.routes]
