"""The routes of quizzes: creation, the endpoints in `FastRoutes`, and their documentation."""

import asyncio
import inspect
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.access.deps import CallerDep
from app.access.rights import Caller
from app.catalog.deps import CatalogDep
from app.catalog.examples import QUESTION
from app.catalog.http.documented_routes import document_route
from app.catalog.http.fast_routes import FastRoutes
from app.catalog.http.reading_parameters import READING_PARAMETERS
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, written_mark
from app.core.http.deps import DatabaseDep, provide
from app.core.http.idempotency import Idempotency
from app.core.http.idempotency_deps import IdempotencyDep
from app.core.http.json_route import JsonRoute
from app.core.http.pages import Page
from app.core.http.replies import NO_STORE, reply_response
from app.core.http.request_context import request_context
from app.core.openapi.operation_docs import problems, scope
from app.core.secrets import Secrets
from app.quizzes.get_quiz import GetQuiz
from app.quizzes.list_quizzes import LIST_PARAMETERS, ListQuizzes
from app.quizzes.schemas import EXAMPLE_ID, QuizCover, QuizCreate, QuizRead, QuizSettings
from app.quizzes.selection import SCOPE
from app.quizzes.service import create_quiz as insert_quiz

LIST_PATH = "/v1/quizzes"
QUIZ_PATH = "/v1/quizzes/{reference}"

router = APIRouter(tags=["quizzes"], route_class=JsonRoute)

COVER_EXAMPLE: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "slug": "ensembles-warm-up",
    "title": "Ensembles, warm-up",
    "description": "",
    "language": "en",
    "mode": "practice",
    "draw": "once",
    "settings": QuizSettings().model_dump(mode="json"),
    "question_count": 1,
    "created_at": "2026-11-25T09:30:00Z",
}
READ_EXAMPLE = COVER_EXAMPLE | {"items": [QUESTION], "withdrawn": []}


def register(
    routes: FastRoutes,
    quiz_endpoint: GetQuiz,
    catalog: Catalog,
    database: Database,
    secrets: Secrets,
) -> None:
    """Add the endpoints."""
    routes.add(QUIZ_PATH, quiz_endpoint)
    routes.add(LIST_PATH, ListQuizzes(catalog, database, secrets))


QuizEndpointDep = Annotated[GetQuiz, Depends(provide(GetQuiz))]


@router.post(
    LIST_PATH,
    status_code=201,
    summary="Create a quiz",
    response_model=QuizRead,
    responses=problems(404, 409, 413, 415)
    | {201: {"content": {"application/json": {"example": READ_EXAMPLE}}}},
    openapi_extra=scope(SCOPE),
)
async def create_quiz(  # noqa: PLR0913, PLR0917 - FastAPI's dependencies
    request: Request,
    body: QuizCreate,
    caller: CallerDep,
    catalog: CatalogDep,
    database: DatabaseDep,
    quiz_endpoint: QuizEndpointDep,
    idempotency: IdempotencyDep,
) -> Response:
    """Create a quiz, which never changes, from chosen ids or from a draw by a filter.

    Each question keeps the revision that is live at creation. A slug names the newest quiz that
    was created with it.
    """
    quiz_id, mark = await asyncio.to_thread(_create, database, catalog, caller, body, idempotency)
    if mark is not None:
        request_context(request).mark = mark
    created = quiz_endpoint(b"", caller, {}, str(quiz_id))
    reply = await created if inspect.isawaitable(created) else created
    response = reply_response(reply)
    response.status_code = 201
    response.headers["Location"] = f"/v1/quizzes/{quiz_id}"
    response.headers["Cache-Control"] = NO_STORE.decode()
    return response


@document_route(
    router,
    LIST_PATH,
    summary="List quizzes",
    response_model=Page[QuizCover],
    example={"items": [COVER_EXAMPLE], "total": 1, "next_cursor": None},
    parameters=LIST_PARAMETERS,
    refusals=(410,),
)
def list_quizzes() -> None:
    """Return the covers of practice quizzes whose banks the caller may read, newest first."""


@document_route(
    router,
    QUIZ_PATH,
    summary="Get a quiz",
    response_model=QuizRead,
    example=READ_EXAMPLE,
    parameters=READING_PARAMETERS,
    refusals=(404,),
)
def get_quiz(reference: str) -> None:
    """Return a quiz by its id, or the newest with a slug, with its questions in order."""


def _create(
    database: Database,
    catalog: Catalog,
    caller: Caller,
    body: QuizCreate,
    idempotency: Idempotency,
) -> tuple[UUID, Mark | None]:
    """Return the id of the quiz and the mark after its creation; None for a repeated request."""
    with database.write() as session:
        replayed = idempotency.replay(session)
        if replayed is not None:
            return UUID(replayed), None
        quiz_id = insert_quiz(session, catalog, caller, body)
        idempotency.record(session, 201, str(quiz_id))
    return quiz_id, written_mark(session)
