"""Adds the fields of kinds to pydantic models that describe questions of any kind."""

from functools import reduce
from operator import or_
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel

from app.core.openapi.model_fields import with_added_fields
from app.kinds.registry import DETAILS, MODELS

ModelT = TypeVar("ModelT", bound=BaseModel)


def with_public_fields(model: type[ModelT]) -> type[ModelT]:
    """Class decorator: add the optional public fields of all kinds, except declared ones."""
    return _extended(model, _public_fields())


def with_content_fields(model: type[ModelT]) -> type[ModelT]:
    """Class decorator: add the optional fields of all kinds, public or not, except declared ones.

    A field has the type that editors write or, for callers without the right to answers, the type
    that is delivered.
    """
    fields = _public_fields()
    for kind, details in DETAILS.items():
        for name in details.fields:
            fields.setdefault(name, []).insert(0, MODELS[kind].model_fields[name].annotation)
    return _extended(model, fields)


def _public_fields() -> dict[str, list[Any]]:
    fields: dict[str, list[Any]] = {}
    for details in DETAILS.values():
        for name, annotation in get_type_hints(details.public_shape).items():
            fields.setdefault(name, []).append(annotation)
    return fields


def _extended(model: type[ModelT], fields: dict[str, list[Any]]) -> type[ModelT]:
    return with_added_fields(
        model, {name: (reduce(or_, each) | None, None) for name, each in fields.items()}
    )
