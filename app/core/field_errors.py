"""Pure: pydantic's validation errors as field errors of a problem document."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.core.errors import FieldError, near_misses


def field_errors(errors: Sequence[Any], body: object = None) -> Iterator[FieldError]:
    """Convert pydantic's errors; `body` is the value that was validated, if it is a body."""
    return (_field_error(error, body) for error in errors)


def _field_error(error: dict[str, Any], body: object) -> FieldError:
    location = [str(part) for part in error["loc"]]
    kind = error["type"]
    has_source = bool(location) and location[0] in {"body", "query", "path", "header"}
    source = location.pop(0) if has_source else "body"
    code, detail, near = _described(kind, error)
    if source == "body":
        return FieldError(code, detail, pointer=_pointer(location, body), suggestions=near)
    code = "unknown_parameter" if code == "unknown_field" else code
    return FieldError(code, detail, parameter=".".join(location), suggestions=near)


def _described(kind: str, error: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Return code, detail and suggestions."""
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown_field", "There is no such field.", []
    if kind == "missing":
        return "missing_value", "A value is required.", []
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        expected = str(context.get("expected") or context.get("expected_tags", ""))
        values = [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]
        given = error.get("input")
        tag = context.get("tag", given)
        near = near_misses(tag, values) if isinstance(tag, str) else []
        return "unknown_value", f"One of {', '.join(values)}.", near
    if kind == "union_tag_not_found":
        return "missing_value", "A value is required.", []
    return "invalid_value", f"{error['msg'].removeprefix('Value error, ')}.".replace("..", "."), []


def _pointer(location: Sequence[str], body: object) -> str:
    """Return the JSON pointer (RFC 6901), without the names of union members that pydantic adds."""
    parts = []
    for part in location:
        if isinstance(body, dict):
            if part not in body and part != location[-1]:
                continue
            body = body.get(part)
        elif isinstance(body, list):
            if not part.isdigit():
                continue
            body = body[int(part)] if int(part) < len(body) else None
        elif body is not None and part != location[-1]:
            continue
        parts.append(part.replace("~", "~0").replace("/", "~1"))
    return "/" + "/".join(parts) if parts else ""
