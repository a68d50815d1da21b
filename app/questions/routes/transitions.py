"""The routes that move questions between their states, and the one that does many things."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.core.http.deps import SecretsDep, WriteSession
from app.core.http.idempotency import Idempotency
from app.core.http.idempotency_deps import IdempotencyDep, key_of
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import openapi_parameters, reject_unknown, take, text
from app.core.http.replies import new_request_id
from app.core.http.request_inputs import JsonBody, QueryPairs
from app.core.openapi.operation_docs import problems, scope
from app.questions import repository
from app.questions.batch import Outcome, run_batch
from app.questions.routes import examples
from app.questions.routes.request_bodies import request_body
from app.questions.routes.responses import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_MATCH_OPTIONAL,
    NOTE,
    PATH,
    EditorDep,
    an_object,
    if_match,
    question_reply,
    reply,
    shows,
)
from app.questions.schemas import (
    MAX_NOTE,
    BatchRead,
    BatchRequest,
    PublishRequest,
    QuestionRead,
)
from app.questions.service import QuestionService
from app.questions.state import Held

PUBLISHING = "questions:publish"
MOVES = {
    "withdraw": (
        "Withdraw a question",
        "Take a published question out of what is public; it is a draft again.",
    ),
    "archive": (
        "Archive a question",
        "Put a question away, out of what is public if it was there.",
    ),
    "restore": ("Restore a question", "Make a draft of an archived question."),
}

router = APIRouter(tags=["editing"], route_class=JsonRoute)


async def _optional_body(request: Request) -> object:
    return await request.json() if await request.body() else None


OptionalBody = Annotated[object, Depends(_optional_body)]


@router.post(
    PATH + "/{question_id:uuid}/publish",
    summary="Publish a question",
    responses=problems(404, 409, 413, 415, 428) | {200: shows(examples.VIEW, QuestionRead)},
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
    once: IdempotencyDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Make a revision live: the newest, or the one that the body names."""
    service = QuestionService(session, secrets, editor)
    if once.replay(session) is not None:
        return question_reply(service.view(service.look(question_id, PUBLISHING)))
    etag = if_match(request)
    service.approach(question_id, PUBLISHING, etag)
    reject_unknown(pairs, ())
    held = service.publish(question_id, etag, body)
    return _finished(service, once, held)


def _add_move(action: str, summary: str, description: str) -> None:
    @router.post(
        PATH + f"/{{question_id:uuid}}/{action}",
        name=f"{action}_question",
        summary=summary,
        description=description,
        responses=problems(404, 409) | {200: shows(examples.MOVED[action], QuestionRead)},
        openapi_extra=scope(PUBLISHING, parameters=[IF_MATCH_OPTIONAL, IDEMPOTENCY_KEY]),
    )
    def move_question(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
        question_id: UUID,
        request: Request,
        pairs: QueryPairs,
        editor: EditorDep,
        once: IdempotencyDep,
        session: WriteSession,
        secrets: SecretsDep,
    ) -> Response:
        service = QuestionService(session, secrets, editor)
        if once.replay(session) is not None:
            return question_reply(service.view(service.look(question_id, PUBLISHING)))
        etag = if_match(request)
        service.approach(question_id, PUBLISHING, etag, required=False)
        reject_unknown(pairs, ())
        held = service.move(question_id, action, etag, required=False)
        return _finished(service, once, held)


for _action, (_summary, _description) in MOVES.items():
    _add_move(_action, _summary, _description)


def _finished(service: QuestionService, once: Idempotency, held: Held) -> Response:
    once.record(service.session, 200, str(held.id))
    service.finish()
    return question_reply(service.view(held))


@router.post(
    PATH + "/batch",
    summary="Do many things at once",
    responses=problems(413, 415) | {200: shows(examples.BATCHED, BatchRead)},
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
    once: IdempotencyDep,
    session: WriteSession,
    secrets: SecretsDep,
) -> Response:
    """Do up to 1,000 operations in order; each is done or refused for itself.

    What goes public does so all at once, at the end.
    """
    reject_unknown(pairs, (NOTE.name,))
    note = take(pairs, NOTE.name, text(1, MAX_NOTE), None)
    made = once.replay(session)
    if made is not None:
        return reply({"items": repository.batch_results(session, UUID(made))})
    service = QuestionService(session, secrets, editor, note)
    outcomes = run_batch(service, an_object(body))
    request_id = new_request_id()
    items = [_item(place, outcome, request_id) for place, outcome in enumerate(outcomes)]
    if key_of(request) is not None:
        batch_id = repository.keep_batch(session, items)
        once.record(session, 200, str(batch_id))
    service.finish()
    return reply({"items": items})


def _item(place: int, outcome: Outcome, request_id: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "index": place,
        "status": outcome.status,
        "id": None if outcome.id is None else str(outcome.id),
        "etag": outcome.etag,
    }
    if outcome.problem is not None:
        item["problem"] = outcome.problem.document(request_id)
    return item
