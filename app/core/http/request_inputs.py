"""Inputs that routes read and validate themselves, so that errors have a fixed order."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Header, Request
from pydantic import BaseModel, ValidationError

from app.core.errors import FieldError, Problem, invalid, near_misses
from app.core.field_errors import field_errors
from app.core.http.query_string import Pairs, split_query
from app.core.http.replies import etag_of
from app.core.merge_patch import merge_patch

MERGE_PATCH_TYPES = ("application/json", "application/merge-patch+json")

M = TypeVar("M", bound=BaseModel)


async def _json_body(request: Request) -> object:
    return await request.json()


def _pairs(request: Request) -> Pairs:
    return split_query(request.scope["query_string"])


JsonBody = Annotated[object, Depends(_json_body)]
QueryPairs = Annotated[Pairs, Depends(_pairs)]
IfMatch = Annotated[
    str | None, Header(description="the etag that the change is based on, quoted, or `*`")
]


def require_match(if_match: str | None, etag: str) -> None:
    """Raise 412 if there is an If-Match header and it names another etag."""
    if if_match is None:
        return
    given = [tag.strip() for tag in if_match.split(",")]
    if "*" not in given and etag not in (tag.removeprefix("W/").strip('"') for tag in given):
        raise Problem("revision_stale", "It has changed since that etag was sent.")


def etag_text(values: Mapping[str, object]) -> str:
    """Return the unquoted entity tag of a JSON object."""
    return etag_of(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).decode().strip('"')


def validated(model: type[M], values: object) -> M:
    """Return a body as its model; Problem invalid_request with all errors."""
    if not isinstance(values, dict):
        raise invalid(FieldError("invalid_value", "A JSON object.", pointer=""))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = [{**part, "loc": ("body", *part["loc"])} for part in error.errors()]
        raise invalid(
            *(_with_suggestions(each, model.model_fields) for each in field_errors(found, values))
        ) from error


def _with_suggestions(error: FieldError, fields: Collection[str]) -> FieldError:
    if error.code != "unknown_field":
        return error
    return replace(error, suggestions=near_misses((error.pointer or "").rpartition("/")[2], fields))


def apply_merge_patch(
    current: Mapping[str, object], patch: object, read_only: Collection[str]
) -> object:
    """Return an object after a merge patch (RFC 7396), without its read-only fields.

    Null removes a field, so that its default applies. A patch that is no object is returned as it
    is, for `validated` to refuse. Problem read_only for another value of a read-only field.
    """
    if not isinstance(patch, dict):
        return patch
    changed = [name for name in read_only if name in patch and patch[name] != current[name]]
    if changed:
        detail = "The server sets this field."
        raise invalid(*(FieldError("read_only", detail, pointer=f"/{name}") for name in changed))
    values = merge_patch(current, patch)
    return {name: value for name, value in values.items() if name not in read_only}


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI `requestBody` of a body that the route passes to `validated`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"required": True, "content": content}


def patch_schema(
    model: type[BaseModel], read_only: Collection[str], example: object
) -> dict[str, Any]:
    """Return the OpenAPI `requestBody` of a merge patch; the model validates its result."""
    properties = {
        name: {"anyOf": [schema, {"type": "null"}]}
        for name, schema in model.model_json_schema()["properties"].items()
        if name not in read_only
    }
    unchanged = {"type": "string", "description": "may be sent back unchanged"}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties | dict.fromkeys(read_only, unchanged),
        "examples": [example],
    }
    return {"required": True, "content": {kind: {"schema": schema} for kind in MERGE_PATCH_TYPES}}
