"""The routes of fixed quizzes."""

import asyncio
import inspect
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.access.deps import CallerDep
from app.access.rights import Caller
from app.catalog.deps import CatalogDep
from app.catalog.examples import QUESTION
from app.catalog.http.cache_headers import reading_reply
from app.catalog.http.fast_routes import Door
from app.catalog.http.reading_parameters import ANSWERS, FORMAT
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, written_mark
from app.core.http.deps import DatabaseDep, SecretsDep, provide
from app.core.http.idempotency import Idempotency
from app.core.http.idempotency_deps import IdempotencyDep
from app.core.http.json_route import JsonRoute
from app.core.http.pages import Page
from app.core.http.query_string import openapi_parameters
from app.core.http.replies import NO_STORE, Reply, reply_response
from app.core.http.request_context import request_context
from app.core.openapi.operation_docs import problems, scope
from app.core.secrets import Secrets
from app.quizzes.covers import PARAMETERS, list_covers
from app.quizzes.reader import QuizReader
from app.quizzes.schemas import EXAMPLE_ID, QuizCover, QuizCreate, QuizRead, QuizSettings
from app.quizzes.selection import SCOPE
from app.quizzes.service import create_quiz as add_quiz

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


class CoverLister:
    """Answers lists of covers; a thread asks the database."""

    def __init__(self, catalog: Catalog, database: Database, secrets: Secrets) -> None:
        """List what is in `database`, by the rights that `catalog` knows."""
        self._catalog = catalog
        self._database = database
        self._secrets = secrets

    async def __call__(self, query: bytes, caller: Caller, headers: dict[bytes, bytes]) -> Reply:
        """Answer one page."""
        page = await asyncio.to_thread(
            list_covers, self._database, self._catalog, self._secrets, caller, query
        )
        return reading_reply(page.model_dump_json().encode(), caller, headers, public=True)


def register(
    door: Door, reader: QuizReader, catalog: Catalog, database: Database, secrets: Secrets
) -> None:
    """Let the door answer quizzes and lists of them."""
    door.add("/v1/quizzes/{reference}", reader)
    door.add("/v1/quizzes", CoverLister(catalog, database, secrets))


ReaderDep = Annotated[QuizReader, Depends(provide(QuizReader))]


@router.post(
    "/v1/quizzes",
    status_code=201,
    summary="Make a quiz",
    response_model=QuizRead,
    responses=problems(404, 409, 413, 415)
    | {201: {"content": {"application/json": {"example": READ_EXAMPLE}}}},
    openapi_extra=scope(SCOPE),
)
async def create_quiz(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
    request: Request,
    body: QuizCreate,
    caller: CallerDep,
    catalog: CatalogDep,
    database: DatabaseDep,
    reader: ReaderDep,
    idempotency: IdempotencyDep,
) -> Response:
    """Fix a set of questions for ever, chosen by ids or drawn from a filter.

    Each question is pinned to the revision that is live now. With a slug the quiz becomes the
    newest of that line.
    """
    quiz_id, mark = await asyncio.to_thread(_create, database, catalog, caller, body, idempotency)
    if mark is not None:
        request_context(request).mark = mark
    made = reader(str(quiz_id), b"", caller, {})
    reply = await made if inspect.isawaitable(made) else made
    response = reply_response(reply)
    response.status_code = 201
    response.headers["Location"] = f"/v1/quizzes/{quiz_id}"
    response.headers["Cache-Control"] = NO_STORE.decode()
    return response


@router.get(
    "/v1/quizzes",
    summary="List quizzes",
    response_model=Page[QuizCover],
    responses=problems(410)
    | {
        200: {
            "content": {
                "application/json": {
                    "example": {"items": [COVER_EXAMPLE], "total": 1, "next_cursor": None}
                }
            }
        }
    },
    openapi_extra=scope(None, parameters=openapi_parameters(PARAMETERS)),
)
async def list_quizzes(
    request: Request,
    caller: CallerDep,
    catalog: CatalogDep,
    database: DatabaseDep,
    secrets: SecretsDep,
) -> Response:
    """Return the covers of practice quizzes over banks that the caller may read, newest first."""
    lister = CoverLister(catalog, database, secrets)
    headers = dict(request.scope["headers"])
    return reply_response(await lister(request.scope["query_string"], caller, headers))


@router.get(
    "/v1/quizzes/{reference}",
    summary="Get a quiz",
    response_model=QuizRead,
    responses=problems(404) | {200: {"content": {"application/json": {"example": READ_EXAMPLE}}}},
    openapi_extra=scope(None, parameters=openapi_parameters((ANSWERS, FORMAT))),
)
async def get_quiz(
    request: Request, reference: str, caller: CallerDep, reader: ReaderDep
) -> Response:
    """Return a quiz by its id, or the newest of a line by its slug, with its questions in order."""
    headers = dict(request.scope["headers"])
    found = reader(reference, request.scope["query_string"], caller, headers)
    return reply_response(await found if inspect.isawaitable(found) else found)


def _create(
    database: Database,
    catalog: Catalog,
    caller: Caller,
    body: QuizCreate,
    idempotency: Idempotency,
) -> tuple[UUID, Mark | None]:
    with database.write() as session:
        made = idempotency.replay(session)
        if made is not None:
            return UUID(made), None
        quiz_id = add_quiz(session, catalog, caller, body)
        idempotency.record(session, 201, str(quiz_id))
    return quiz_id, written_mark(session)
