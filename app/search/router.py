"""The route of searches: its endpoint in `FastRoutes`, and its documentation."""

from typing import Any

from fastapi import APIRouter

from app.catalog.examples import QUESTION, QUESTION_ID
from app.catalog.http.documented_routes import document_route
from app.catalog.http.fast_routes import FastRoutes
from app.core.http.json_route import JsonRoute
from app.search.endpoint import SearchQuestions
from app.search.planner import SEARCH_PARAMETERS
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


def register(routes: FastRoutes, search: SearchQuestions) -> None:
    """Add the endpoint; the time that a search takes is charged to the caller's rate limit."""
    routes.add(PATH, search, timed=True)


@document_route(
    router,
    PATH,
    summary="Search questions",
    response_model=SearchPage,
    example=EXAMPLE,
    parameters=SEARCH_PARAMETERS,
    refusals=(410,),
)
def search_questions() -> None:
    """Find questions by words, as the user types: the last word may be unfinished.

    Misspelt words are corrected. Names of categories, companies and tags are searched too, and
    answers if they are public. The first 1,000 hits can be reached. A cursor belongs to the engine
    that made it.
    """
