"""Declares fast routes as FastAPI routes, only to document them in OpenAPI."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from fastapi import APIRouter

from app.core.errors import not_found
from app.core.http.query_string import Parameter, openapi_parameters
from app.core.openapi.operation_docs import problems, scope


def document_route(  # noqa: PLR0913 - the parts of an OpenAPI operation
    router: APIRouter,
    path: str,
    *,
    summary: str,
    response_model: type,
    example: object,
    parameters: Iterable[Parameter],
    refusals: tuple[int, ...] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Document a GET route by a function: its name, docstring and path parameters.

    The function is never called. The edge answers the path from `FastRoutes` before it calls the
    framework, so the framework answers 404.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def answer_not_found(**_: Any) -> None:  # noqa: ANN401 - of any signature
            raise not_found()

        router.get(
            path,
            summary=summary,
            response_model=response_model,
            responses=problems(*refusals)
            | {200: {"content": {"application/json": {"example": example}}}},
            openapi_extra=scope(None, parameters=openapi_parameters(parameters)),
        )(answer_not_found)
        return function

    return decorate
