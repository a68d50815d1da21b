"""The route of searches, at the door and documented, and those of synonyms."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.access.deps import CallerDep
from app.catalog.examples import QUESTION, QUESTION_ID
from app.catalog.http.fast_routes import Door
from app.core.http.deps import services_of
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import openapi_parameters
from app.core.http.replies import reply_response
from app.core.openapi.operation_docs import problems, scope
from app.search.endpoint import SEARCH_PARAMETERS, SearchQuestions
from app.search.schemas import SearchPage

PATH = "/v1/search"
EXAMPLE: dict[str, Any] = {
    "items": [QUESTION],
    "highlights": {
        QUESTION_ID: {
            "stem": "Which <mark>ensemble</mark> trains each of its members on the errors of those "
            "before?"
        }
    },
    "total": 1,
    "total_capped": False,
    "corrected": "ensemble",
    "engine": "embedded",
    "reason": None,
    "next_cursor": None,
}

router = APIRouter(tags=["questions"], route_class=JsonRoute)


def register(door: Door, search: SearchQuestions) -> None:
    """Let the door answer searches; the time that one takes is charged."""
    door.add(PATH, search, timed=True)


@router.get(
    PATH,
    summary="Search questions",
    response_model=SearchPage,
    responses=problems(410) | {200: {"content": {"application/json": {"example": EXAMPLE}}}},
    openapi_extra=scope(None, parameters=openapi_parameters(SEARCH_PARAMETERS)),
)
async def search_questions(request: Request, caller: CallerDep) -> Response:
    """Find questions as the query is typed: the last word may be unfinished, others misspelt.

    Names of categories, companies and tags are searched, too, and answers where everyone may read
    them. The first 1,000 can be reached. A cursor belongs to the engine that made it.
    """
    search = services_of(request).get(SearchQuestions)
    headers = dict(request.scope["headers"])
    return reply_response(await search(request.scope["query_string"], caller, headers))
