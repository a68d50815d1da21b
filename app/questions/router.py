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
from app.published.question_filter import KnownNames
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
    example_response,
    if_match,
    json_object,
    json_response,
    publish_and_note,
    question_response,
)
from app.questions.routes.term_merges import router as merge_router
from app.questions.routes.transitions import router as transition_router
from app.questions.schemas import QuestionCreate, QuestionPatch, QuestionRead
from app.questions.service import QuestionService
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

SAVE_PARAMETERS = openapi_parameters([PUBLISH, NOTE])

router = APIRouter(tags=["editing"], route_class=JsonRoute)


@router.post(
    PATH,
    summary="Create a question",
    status_code=201,
    responses=problems(404, 409, 413, 415) | {201: example_response(examples.VIEW, QuestionRead)},
    openapi_extra=scope(
        "questions:write",
        parameters=[*SAVE_PARAMETERS, IDEMPOTENCY_KEY],
        requestBody=request_body(QuestionCreate, examples.CREATE),
    ),
)
def create_question(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    body: JsonBody,
    pairs: QueryPairs,
    editor: EditorDep,
    idempotency: IdempotencyDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Create a draft, or with `publish=true` a published question.

    The server gives ids to the options. Terms are named by slug and have to exist.
    """
    publish, note = publish_and_note(pairs)
    service = QuestionService(session, secrets, editor, note)
    recorded = idempotency.replay(session)
    if recorded is not None:
        return question_response(service.view(service.get(UUID(recorded))), 201)
    question = service.create(json_object(body), publish=publish)
    idempotency.record(session, 201, str(question.id))
    service.finish()
    return question_response(service.view(question), 201)


@router.get(
    PATH,
    summary="List questions in every state",
    responses=problems(410) | {200: example_response(examples.LIST, Page[QuestionRead])},
    openapi_extra=scope("questions:read", parameters=openapi_parameters(PARAMETERS)),
)
def list_editing_questions(
    request: Request,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return questions by filter and state, the newest first. The filter uses newest revisions."""
    vocabularies = services_of(request).get(VocabularySnapshot)
    known = KnownNames(editor.banks("questions:read"), vocabularies.current)
    list_request = read_query(pairs, known, secrets, read_mark(session).epoch)
    found, total = listing.page(
        session,
        list_request.selection,
        vocabularies.current,
        list_request.before,
        list_request.limit + 1,
    )
    service = QuestionService(session, secrets, editor)
    shown = found[: list_request.limit]
    cursor = (
        list_request.next_cursor(secrets, shown[-1]) if len(found) > list_request.limit else None
    )
    page: dict[str, Any] = {"items": [service.view(question) for question in shown]}
    return json_response(page | {"total": total, "next_cursor": cursor})


@router.get(
    PATH + "/{question_id:uuid}",
    summary="Get a question in any state",
    responses=problems(404) | {200: example_response(examples.VIEW, QuestionRead)},
    openapi_extra=scope("questions:read"),
)
def get_editing_question(
    question_id: UUID,
    pairs: QueryPairs,
    editor: EditorDep,
    session: ReadSession,
    secrets: SecretsDep,
) -> Response:
    """Return the newest revision; its answers only with `answers:read` on the bank."""
    service = QuestionService(session, secrets, editor)
    question = service.get(question_id)
    reject_unknown(pairs, ())
    return question_response(service.view(question))


@router.patch(
    PATH + "/{question_id:uuid}",
    summary="Change a question",
    responses=problems(404, 409, 413, 415, 428)
    | {200: example_response(examples.PATCHED, QuestionRead)},
    openapi_extra=scope(
        "questions:write",
        parameters=[IF_MATCH, *SAVE_PARAMETERS],
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
    """Save a merge patch as a new revision. The live revision stays until this one is published.

    Lists are replaced as a whole; an option that names its `id` keeps it; null sets the default.
    """
    service = QuestionService(session, secrets, editor)
    etag = if_match(request)
    service.check_changeable(question_id, "questions:write", etag)
    publish, service.note = publish_and_note(pairs)
    question = service.update(question_id, json_object(body), etag, publish=publish)
    service.finish()
    return question_response(service.view(question))


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
    """Delete a question with its revisions. A question that was published can be archived."""
    service = QuestionService(session, secrets, editor)
    etag = if_match(request)
    service.check_changeable(question_id, "questions:write", etag)
    reject_unknown(pairs, ())
    service.delete(question_id, etag)


# Copied instead of `include_router`: the table of route requirements reads `router.routes`.
router.routes += [*transition_router.routes, *history_router.routes, *merge_router.routes]
