"""Pure: what pydantic found wrong, as field errors: where, what, and what was near."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.core.errors import FieldError, near_misses


def field_errors(errors: Sequence[Any], body: object = None) -> Iterator[FieldError]:
    """Return pydantic's errors as field errors: where, what, and what was near."""
    return (_field_error(error, body) for error in errors)


def _field_error(error: dict[str, Any], body: object) -> FieldError:
    place = [str(part) for part in error["loc"]]
    kind = error["type"]
    source = place.pop(0) if place and place[0] in {"body", "query", "path", "header"} else "body"
    code, detail, near = _described(kind, error)
    if source == "body":
        return FieldError(code, detail, pointer=_pointer(place, body), suggestions=near)
    code = "unknown_parameter" if code == "unknown_field" else code
    return FieldError(code, detail, parameter=".".join(place), suggestions=near)


def _described(kind: str, error: dict[str, Any]) -> tuple[str, str, list[str]]:
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


def _pointer(place: Sequence[str], body: object) -> str:
    """Return the JSON pointer (RFC 6901), without the names of union members that pydantic adds."""
    parts = []
    for part in place:
        if isinstance(body, dict):
            if part not in body and part != place[-1]:
                continue
            body = body.get(part)
        elif isinstance(body, list):
            if not part.isdigit():
                continue
            body = body[int(part)] if int(part) < len(body) else None
        elif body is not None and part != place[-1]:
            continue
        parts.append(part.replace("~", "~0").replace("/", "~1"))
    return "/" + "/".join(parts) if parts else ""
