"""Adds the facets to pydantic models, so that OpenAPI shows each of them."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from app.core.openapi.model_fields import with_added_fields
from app.published.facets import CONTENT_FACETS, FACETS

ModelT = TypeVar("ModelT", bound=BaseModel)


def with_facet_values(model: type[ModelT]) -> type[ModelT]:
    """Class decorator: add a field for the value of each facet that `model` does not declare.

    The field has a default: documents that were rendered before the facet existed lack it.
    """
    fields: dict[str, tuple[Any, Any]] = {
        facet.column: (list[str], []) if facet.many else (str | None, None)
        for facet in CONTENT_FACETS
    }
    return with_added_fields(model, fields)


def with_facet_parameters(
    field: Any,  # noqa: ANN401 - any annotation
) -> Callable[[type[ModelT]], type[ModelT]]:
    """Return a class decorator that adds a list of `field`, empty by default, for each facet."""
    fields: dict[str, tuple[Any, Any]] = {facet.parameter: (field, []) for facet in FACETS}
    return lambda model: with_added_fields(model, fields)
