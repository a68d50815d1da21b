"""The routes of the catalog: their endpoints in `FastRoutes`, and their documentation."""

from uuid import UUID

from fastapi import APIRouter

from app.catalog import examples, schemas
from app.catalog.http.documented_routes import document_route
from app.catalog.http.endpoint import ResponseCache
from app.catalog.http.fast_routes import FastRoutes
from app.catalog.http.get_changes import CHANGES_PARAMETERS, GetChanges
from app.catalog.http.get_facets import FACET_PARAMETERS, GetFacets
from app.catalog.http.get_question import GetQuestion
from app.catalog.http.list_questions import LIST_PARAMETERS, ListQuestions
from app.catalog.http.list_terms import VOCABULARY_PARAMETERS, ListTerms
from app.catalog.http.reading_parameters import READING_PARAMETERS
from app.catalog.service import Catalog
from app.core.http.json_route import JsonRoute

router = APIRouter(tags=["questions"], route_class=JsonRoute)
terms = APIRouter(tags=["terms"], route_class=JsonRoute)


def register(routes: FastRoutes, catalog: Catalog, cache: ResponseCache) -> None:
    """Add the endpoints, which share a response cache."""
    routes.add("/v1/questions", ListQuestions("questions", catalog, cache))
    routes.add("/v1/questions/{question_id}", GetQuestion("question", catalog, cache))
    routes.add("/v1/facets", GetFacets("facets", catalog, cache))
    routes.add("/v1/changes", GetChanges("changes", catalog, cache))
    for vocabulary in ("categories", "companies", "tags", "banks"):
        routes.add(f"/v1/{vocabulary}", ListTerms(vocabulary, catalog, cache))


def _page(*items: object) -> dict[str, object]:
    return {"items": items, "total": len(items), "next_cursor": None}


@document_route(
    router,
    "/v1/questions",
    summary="List questions",
    response_model=schemas.QuestionPage,
    example=examples.PAGE,
    parameters=LIST_PARAMETERS,
    refusals=(410,),
)
def list_questions() -> None:
    """Return the questions that match the filter, page by page.

    By default, the most recently published questions come first. In the orders `newest` and
    `oldest`, publishing during a walk through the pages neither repeats nor skips a question.
    """


@document_route(
    router,
    "/v1/questions/{question_id:uuid}",
    summary="Get a question",
    response_model=schemas.DeliveredQuestion,
    example=examples.QUESTION,
    parameters=READING_PARAMETERS,
    refusals=(404,),
)
def get_question(question_id: UUID) -> None:
    """Return the live revision of a published question; 404 after it is withdrawn."""


@document_route(
    router,
    "/v1/facets",
    summary="Count questions by facet",
    response_model=schemas.Facets,
    example=examples.FACETS,
    parameters=FACET_PARAMETERS,
)
def get_facets() -> None:
    """Return how many matching questions have each value of each facet.

    A facet ignores its own parameter, so that it shows the alternatives. A category counts the
    questions of its subcategories too. Values without questions are left out.
    """


@document_route(
    router,
    "/v1/changes",
    summary="Follow changes",
    response_model=schemas.Changes,
    example=examples.CHANGES,
    parameters=CHANGES_PARAMETERS,
    refusals=(410,),
)
def get_changes() -> None:
    """Return what a copy has to add and delete to equal the questions that match the filter.

    Apply the pages in order, and store the last mark. The mark contains filter, `answers` and
    `format`. After 410 `resync_required` start without a mark, and delete what does not come again.
    """


@document_route(
    terms,
    "/v1/categories",
    summary="List categories",
    response_model=schemas.CategoryPage,
    example=_page(examples.CATEGORY),
    parameters=VOCABULARY_PARAMETERS,
    refusals=(410,),
)
def list_categories() -> None:
    """Return all categories by name, with the number of matching questions."""


@document_route(
    terms,
    "/v1/companies",
    summary="List companies",
    response_model=schemas.CountedPage,
    example=_page(examples.COMPANY),
    parameters=VOCABULARY_PARAMETERS,
    refusals=(410,),
)
def list_companies() -> None:
    """Return all companies by name, with the number of matching questions."""


@document_route(
    terms,
    "/v1/tags",
    summary="List tags",
    response_model=schemas.TagPage,
    example=_page(examples.TAG),
    parameters=VOCABULARY_PARAMETERS,
    refusals=(410,),
)
def list_tags() -> None:
    """Return all tags by name, with group and number of matching questions."""


@document_route(
    terms,
    "/v1/banks",
    summary="List banks",
    response_model=schemas.CountedPage,
    example=_page(examples.BANK),
    parameters=VOCABULARY_PARAMETERS,
    refusals=(410,),
)
def list_banks() -> None:
    """Return the banks that the caller may read, by name, with the number of matching questions."""
