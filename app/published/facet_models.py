"""Adds the facets to pydantic models, so that OpenAPI shows each of them."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, create_model

from app.published.facets import CONTENT_FACETS, FACETS

M = TypeVar("M", bound=BaseModel)


def with_facet_values(model: type[M]) -> type[M]:
    """Class decorator: add a field for the value of each facet that `model` does not declare.

    The field has a default: documents that were rendered before the facet existed lack it.
    """
    fields: dict[str, Any] = {
        facet.column: (list[str], []) if facet.many else (str | None, None)
        for facet in CONTENT_FACETS
    }
    return _extended(model, fields)


def with_facet_parameters(field: Any) -> Callable[[type[M]], type[M]]:  # noqa: ANN401 - any annotation
    """Return a class decorator that adds a list of `field`, empty by default, for each facet."""
    fields: dict[str, Any] = {facet.parameter: (field, []) for facet in FACETS}
    return lambda model: _extended(model, fields)


def _extended(model: type[M], fields: dict[str, Any]) -> type[M]:
    missing = {name: field for name, field in fields.items() if name not in model.model_fields}
    if not missing:
        return model
    return create_model(
        model.__name__,
        __base__=model,
        __doc__=model.__doc__,
        __module__=model.__module__,
        **missing,
    )
