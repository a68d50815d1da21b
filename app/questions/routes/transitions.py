"""The routes that change the state of questions, and the batch route."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.core.http.deps import SecretsDep, WriteSession
from app.core.http.idempotency import Idempotency
from app.core.http.idempotency_deps import IdempotencyDep, key_of
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import (
    openapi_parameters,
    reject_unknown,
    single_value,
    text_of_length,
)
from app.core.http.replies import new_request_id
from app.core.http.request_inputs import JsonBody, QueryPairs
from app.core.openapi.operation_docs import problems, scope
from app.questions import repository
from app.questions.batch import OperationResult, run_batch
from app.questions.routes import examples
from app.questions.routes.request_bodies import request_body
from app.questions.routes.responses import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_MATCH_OPTIONAL,
    NOTE,
    PATH,
    EditorDep,
    example_response,
    if_match,
    json_object,
    json_response,
    question_response,
)
from app.questions.schemas import (
    MAX_NOTE,
    BatchRead,
    BatchRequest,
    PublishRequest,
    QuestionRead,
)
from app.questions.service import QuestionService
from app.questions.state import QuestionState

PUBLISHING = "questions:publish"
TRANSITIONS = {
    "withdraw": (
        "Withdraw a question",
        "Take a published question offline; it becomes a draft.",
    ),
    "archive": (
        "Archive a question",
        "Archive a question; if it was published, it goes offline.",
    ),
    "restore": ("Restore a question", "Turn an archived question back into a draft."),
}

router = APIRouter(tags=["editing"], route_class=JsonRoute)


async def _optional_body(request: Request) -> object:
    return await request.json() if await request.body() else None


OptionalBody = Annotated[object, Depends(_optional_body)]


@router.post(
    PATH + "/{question_id:uuid}/publish",
    summary="Publish a question",
    responses=problems(404, 409, 413, 415, 428)
    | {200: example_response(examples.VIEW, QuestionRead)},
    openapi_extra=scope(
        "questions:publish",
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        requestBody=request_body(PublishRequest, [examples.PUBLISH], required=False),
    ),
)
def publish_question(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    question_id: UUID,
    request: Request,
    body: OptionalBody,
    pairs: QueryPairs,
    editor: EditorDep,
    idempotency: IdempotencyDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Publish the newest revision, or the one that the body names."""
    service = QuestionService(session, secrets, editor)
    if idempotency.replay(session) is not None:
        return question_response(service.view(service.get(question_id, PUBLISHING)))
    etag = if_match(request)
    service.check_changeable(question_id, PUBLISHING, etag)
    reject_unknown(pairs, ())
    question = service.publish(question_id, etag, body)
    return _finish(service, idempotency, question)


def _add_transition_route(action: str, summary: str, description: str) -> None:
    @router.post(
        PATH + f"/{{question_id:uuid}}/{action}",
        name=f"{action}_question",
        summary=summary,
        description=description,
        responses=problems(404, 409)
        | {200: example_response(examples.MOVED[action], QuestionRead)},
        openapi_extra=scope(PUBLISHING, parameters=[IF_MATCH_OPTIONAL, IDEMPOTENCY_KEY]),
    )
    def change_state(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
        question_id: UUID,
        request: Request,
        pairs: QueryPairs,
        editor: EditorDep,
        idempotency: IdempotencyDep,
        session: WriteSession,
        secrets: SecretsDep,
    ) -> Response:
        service = QuestionService(session, secrets, editor)
        if idempotency.replay(session) is not None:
            return question_response(service.view(service.get(question_id, PUBLISHING)))
        etag = if_match(request)
        service.check_changeable(question_id, PUBLISHING, etag, required=False)
        reject_unknown(pairs, ())
        question = service.transition(question_id, action, etag, required=False)
        return _finish(service, idempotency, question)


for _action, (_summary, _description) in TRANSITIONS.items():
    _add_transition_route(_action, _summary, _description)


def _finish(
    service: QuestionService, idempotency: Idempotency, question: QuestionState
) -> Response:
    idempotency.record(service.session, 200, str(question.id))
    service.finish()
    return question_response(service.view(question))


@router.post(
    PATH + "/batch",
    summary="Run many operations at once",
    responses=problems(413, 415) | {200: example_response(examples.BATCHED, BatchRead)},
    openapi_extra=scope(
        "questions:write",
        parameters=[*openapi_parameters([NOTE]), IDEMPOTENCY_KEY],
        requestBody=request_body(BatchRequest, [examples.BATCH]),
    ),
)
def batch_questions(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    request: Request,
    body: JsonBody,
    pairs: QueryPairs,
    editor: EditorDep,
    idempotency: IdempotencyDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Run up to 1,000 operations in order; each succeeds or fails by itself.

    Everything that they publish becomes public together, at the end.
    """
    reject_unknown(pairs, (NOTE.name,))
    note = single_value(pairs, NOTE.name, text_of_length(1, MAX_NOTE), None)
    recorded = idempotency.replay(session)
    if recorded is not None:
        return json_response({"items": repository.batch_results(session, UUID(recorded))})
    service = QuestionService(session, secrets, editor, note)
    results = run_batch(service, json_object(body))
    request_id = new_request_id()
    items = [_item(index, result, request_id) for index, result in enumerate(results)]
    if key_of(request) is not None:
        batch_id = repository.store_batch_results(session, items)
        idempotency.record(session, 200, str(batch_id))
    service.finish()
    return json_response({"items": items})


def _item(index: int, result: OperationResult, request_id: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "index": index,
        "status": result.status,
        "id": None if result.id is None else str(result.id),
        "etag": result.etag,
    }
    if result.problem is not None:
        item["problem"] = result.problem.document(request_id)
    return item
