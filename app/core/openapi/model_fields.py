"""Adds fields to pydantic models that describe bodies for OpenAPI."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, create_model

ModelT = TypeVar("ModelT", bound=BaseModel)


def with_added_fields(model: type[ModelT], fields: Mapping[str, tuple[Any, Any]]) -> type[ModelT]:
    """Return `model` with the fields that it does not declare, as (annotation, default) by name."""
    added: dict[str, Any] = {
        name: field for name, field in fields.items() if name not in model.model_fields
    }
    if not added:
        return model
    return create_model(
        model.__name__, __base__=model, __doc__=model.__doc__, __module__=model.__module__, **added
    )
