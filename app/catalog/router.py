"""Routes of delivery that are answered from the catalog, at the door and documented."""

import inspect
from collections.abc import Awaitable, Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.deps import CallerDep
from app.catalog import examples, schemas
from app.catalog.deps import CatalogDep
from app.catalog.http.endpoint import Endpoint, Kept, make_kept
from app.catalog.http.fast_routes import Door
from app.catalog.http.get_changes import CHANGES_PARAMETERS, GetChanges
from app.catalog.http.get_facets import FACET_PARAMETERS, GetFacets
from app.catalog.http.get_question import GetQuestion
from app.catalog.http.list_questions import LIST_PARAMETERS, ListQuestions
from app.catalog.http.list_terms import VOCABULARY_PARAMETERS, ListTerms
from app.catalog.http.reading_parameters import ANSWERS, FORMAT
from app.catalog.service import Catalog
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import Parameter, openapi_parameters
from app.core.http.replies import Reply, reply_response
from app.core.openapi.operation_docs import problems, scope

QUESTION_PATH = "/v1/questions/{question_id}"

router = APIRouter(tags=["questions"], route_class=JsonRoute)
terms = APIRouter(tags=["terms"], route_class=JsonRoute)


def make_endpoints(catalog: Catalog, kept: Kept) -> Mapping[str, Endpoint]:
    """Return the handler of each path that takes nothing but a query; all remember in `kept`."""
    return {
        "/v1/questions": ListQuestions("questions", catalog, kept),
        "/v1/facets": GetFacets("facets", catalog, kept),
        "/v1/changes": GetChanges("changes", catalog, kept),
        "/v1/categories": ListTerms("categories", catalog, kept),
        "/v1/companies": ListTerms("companies", catalog, kept),
        "/v1/tags": ListTerms("tags", catalog, kept),
        "/v1/banks": ListTerms("banks", catalog, kept),
    }


def register(door: Door, catalog: Catalog, kept: Kept) -> None:
    """Let the door answer every route of this room."""
    for path, endpoint in make_endpoints(catalog, kept).items():
        door.add(path, endpoint)
    door.add(QUESTION_PATH, GetQuestion(catalog))


async def _response(made: Reply | Awaitable[Reply]) -> Response:
    return reply_response(await made if inspect.isawaitable(made) else made)


async def _answer(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    endpoint = make_endpoints(catalog, make_kept())[request.scope["path"]]
    headers = dict(request.scope["headers"])
    return await _response(endpoint(request.scope["query_string"], caller, headers))


def _example(example: object) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}}


def _extra(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return scope(None, parameters=openapi_parameters(parameters))


def _page(*items: object) -> dict[int | str, dict[str, Any]]:
    return _example({"items": items, "total": len(items), "next_cursor": None})


@router.get(
    "/v1/questions",
    summary="List questions",
    response_model=schemas.QuestionPage,
    responses=problems(410) | _example(examples.PAGE),
    openapi_extra=_extra(LIST_PARAMETERS),
)
async def list_questions(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return what matches the filter, page by page.

    By default the questions that were first published last come first. What is published while a
    client walks through `newest` or `oldest` neither repeats nor hides a question.
    """
    return await _answer(request, caller, catalog)


@router.get(
    "/v1/questions/{question_id:uuid}",
    summary="Get a question",
    response_model=schemas.DeliveredQuestion,
    response_model_exclude_unset=True,
    responses=problems(404) | _example(examples.QUESTION),
    openapi_extra=_extra((ANSWERS, FORMAT)),
)
async def get_question(
    request: Request, question_id: UUID, caller: CallerDep, catalog: CatalogDep
) -> Response:
    """Return a published question at its live revision; 404 once it is withdrawn."""
    headers = dict(request.scope["headers"])
    handler = GetQuestion(catalog)
    return await _response(
        handler(str(question_id), request.scope["query_string"], caller, headers)
    )


@router.get(
    "/v1/facets",
    summary="Count questions by facet",
    response_model=schemas.Facets,
    responses=problems() | _example(examples.FACETS),
    openapi_extra=_extra(FACET_PARAMETERS),
)
async def get_facets(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return how many matching questions have each value.

    A facet ignores its own parameter, so that it shows what else could be chosen; a category
    counts everything below it. Values that no question has are left out.
    """
    return await _answer(request, caller, catalog)


@router.get(
    "/v1/changes",
    summary="Follow changes",
    response_model=schemas.Changes,
    responses=problems(410) | _example(examples.CHANGES),
    openapi_extra=_extra(CHANGES_PARAMETERS),
)
async def get_changes(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return what a copy has to put in and to take out, to hold what matches the filter now.

    Apply the pages in order, and keep the last mark. The mark remembers filter, `answers` and
    `format`. After 410 `resync_required` walk again without a mark, and drop what was not seen.
    """
    return await _answer(request, caller, catalog)


@terms.get(
    "/v1/categories",
    summary="List categories",
    response_model=schemas.CategoryPage,
    responses=problems(410) | _page(examples.CATEGORY),
    openapi_extra=_extra(VOCABULARY_PARAMETERS),
)
async def list_categories(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return every category by name, with how many questions match below it."""
    return await _answer(request, caller, catalog)


@terms.get(
    "/v1/companies",
    summary="List companies",
    response_model=schemas.CountedPage,
    responses=problems(410) | _page(examples.COMPANY),
    openapi_extra=_extra(VOCABULARY_PARAMETERS),
)
async def list_companies(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return every company by name, with how many questions match."""
    return await _answer(request, caller, catalog)


@terms.get(
    "/v1/tags",
    summary="List tags",
    response_model=schemas.TagPage,
    responses=problems(410) | _page(examples.TAG),
    openapi_extra=_extra(VOCABULARY_PARAMETERS),
)
async def list_tags(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return every tag by name, with its group and how many questions match."""
    return await _answer(request, caller, catalog)


@terms.get(
    "/v1/banks",
    summary="List banks",
    response_model=schemas.CountedPage,
    responses=problems(410) | _page(examples.BANK),
    openapi_extra=_extra(VOCABULARY_PARAMETERS),
)
async def list_banks(request: Request, caller: CallerDep, catalog: CatalogDep) -> Response:
    """Return the banks that the caller may read, by name, with how many questions match."""
    return await _answer(request, caller, catalog)
