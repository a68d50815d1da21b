"""The route of random draws: its endpoint in `FastRoutes`, and its documentation."""

from fastapi import APIRouter

from app.catalog.examples import QUESTION
from app.catalog.http.documented_routes import document_route
from app.catalog.http.endpoint import ResponseCache
from app.catalog.http.fast_routes import FastRoutes
from app.catalog.service import Catalog
from app.core.http.json_route import JsonRoute
from app.core.secrets import Secrets
from app.draws.endpoint import DrawQuestions
from app.draws.planner import DRAW_PARAMETERS
from app.draws.schemas import RandomQuestions

PATH = "/v1/questions/random"
EXAMPLE = {"items": [QUESTION], "total": 14, "seed": None, "short": False, "next_cursor": None}

router = APIRouter(tags=["questions"], route_class=JsonRoute)


def register(routes: FastRoutes, catalog: Catalog, secrets: Secrets, cache: ResponseCache) -> None:
    """Add the endpoint."""
    routes.add(PATH, DrawQuestions(catalog, secrets, cache), timed=True)


@document_route(
    router,
    PATH,
    summary="Draw random questions",
    response_model=RandomQuestions,
    example=EXAMPLE,
    parameters=DRAW_PARAMETERS,
    refusals=(409, 410),
)
def draw_questions() -> None:
    """Draw random questions that match a filter; each selection is equally likely.

    A seed repeats the draw as long as the edition is the same. Its `next_cursor` continues without
    repeated questions, whatever is published meanwhile.
    """
