"""Bodies that are checked by hand, so that refusals keep their order, yet shown in OpenAPI."""

from typing import Any

from pydantic import TypeAdapter

JSON_TYPES = ("application/json",)


def request_body(
    shown: Any,  # noqa: ANN401 - any type
    examples: list[Any],
    media_types: tuple[str, ...] = JSON_TYPES,
    *,
    required: bool = True,
) -> dict[str, Any]:
    """Return the OpenAPI `requestBody` of a body of the type `shown`."""
    schema = TypeAdapter(shown).json_schema()
    parts = schema.pop("$defs", {})
    whole = {**_inlined(schema, parts), "examples": examples}
    content = {media_type: {"schema": whole} for media_type in media_types}
    return {"required": required, "content": content}


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a schema with every reference replaced by what it refers to; none is recursive."""
    if isinstance(schema, list):
        return [_inlined(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts) | rest
    return {
        name: _inlined(value, parts) for name, value in schema.items() if name != "discriminator"
    }
