"""OpenAPI request bodies of routes that validate by hand, to keep the order of errors."""

from typing import Any

from pydantic import TypeAdapter

JSON_TYPES = ("application/json",)


def request_body(
    body_type: Any,  # noqa: ANN401 - any type
    examples: list[Any],
    media_types: tuple[str, ...] = JSON_TYPES,
    *,
    required: bool = True,
) -> dict[str, Any]:
    """Return the OpenAPI `requestBody` of a type, with all references inlined."""
    schema = TypeAdapter(body_type).json_schema()
    definitions = schema.pop("$defs", {})
    inlined = {**_inlined(schema, definitions), "examples": examples}
    content = {media_type: {"schema": inlined} for media_type in media_types}
    return {"required": required, "content": content}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a schema with every `$ref` replaced by its definition; none is recursive."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        siblings = {name: value for name, value in schema.items() if name != "$ref"}
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions) | siblings
    return {
        name: _inlined(value, definitions)
        for name, value in schema.items()
        if name != "discriminator"
    }
