"""Parses query strings: strict, fast, and by the same parameters that OpenAPI shows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from app.core.errors import FieldError, Problem, invalid, near_misses

MAX_QUERY_BYTES = 8192
MAX_VALUES = 100

T = TypeVar("T")
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter: its JSON Schema, and whether it may be given several times."""

    name: str
    description: str
    schema: dict[str, object]
    many: bool = False
    example: object = None


def openapi_parameters(parameters: Iterable[Parameter]) -> list[dict[str, object]]:
    """Return the OpenAPI parameter objects of a route."""
    return [_openapi(parameter) for parameter in parameters]


def _openapi(parameter: Parameter) -> dict[str, object]:
    schema = parameter.schema
    if parameter.many:
        schema = {"type": "array", "items": schema, "maxItems": MAX_VALUES}
    described: dict[str, object] = {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.description,
        "schema": schema,
    }
    if parameter.many:
        described |= {"style": "form", "explode": True}
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def split_query(raw: bytes) -> Pairs:
    """Return the decoded (name, value) pairs of a query string, in order.

    Problem malformed_request if it is too long, is not UTF-8, or contains a NUL character.
    """
    if len(raw) > MAX_QUERY_BYTES:
        message = f"The query string is longer than {MAX_QUERY_BYTES} bytes."
        raise Problem("malformed_request", message)
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decode(name), _decode(value)))
    return pairs


def _decode(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Problem("malformed_request", "The query string is not UTF-8.") from error
    if "\0" in text:
        raise Problem("malformed_request", "The query string contains a NUL character.")
    return text


def reject_unknown(pairs: Pairs, known: Sequence[str]) -> None:
    """Raise 422 for parameters that the route does not have, with similar ones as suggestions."""
    if not pairs:
        return
    errors = [
        FieldError(
            "unknown_parameter",
            "This route has no such parameter.",
            parameter=name,
            suggestions=near_misses(name, known),
        )
        for name in dict.fromkeys(name for name, _ in pairs)
        if name not in known
    ]
    if errors:
        raise invalid(*errors)


def single_value(pairs: Pairs, name: str, parse: Callable[[str, str], T], default: T) -> T:
    """Return the parsed value of a parameter, or `default` if it is absent.

    Problem invalid_request if it is given more than once.
    """
    values = [value for given, value in pairs if given == name] if pairs else ()
    if not values:
        return default
    if len(values) > 1:
        raise invalid(FieldError("invalid_value", "Give this parameter once.", parameter=name))
    return parse(name, values[0])


def int_between(low: int, high: int) -> Callable[[str, str], int]:
    """Return a parser of integers from `low` to `high`."""

    def parse(name: str, text: str) -> int:
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 16 and low <= int(text) <= high:
            return int(text)
        detail = f"A whole number from {low} to {high}."
        raise invalid(FieldError("invalid_value", detail, parameter=name))

    return parse


def boolean(name: str, text: str) -> bool:
    """Parse `true` or `false`; Problem invalid_request for anything else."""
    if text in {"true", "false"}:
        return text == "true"
    detail = "Either true or false."
    raise invalid(
        FieldError("invalid_value", detail, parameter=name, suggestions=("true", "false"))
    )


def one_of(*values: str) -> Callable[[str, str], str]:
    """Return a parser of one of `values`."""

    def parse(name: str, text: str) -> str:
        if text in values:
            return text
        detail = f"One of {', '.join(values)}."
        near = near_misses(text, values)
        raise invalid(FieldError("unknown_value", detail, parameter=name, suggestions=near))

    return parse


def text_of_length(low: int, high: int) -> Callable[[str, str], str]:
    """Return a parser of text that has `low` to `high` characters."""

    def parse(name: str, value: str) -> str:
        if low <= len(value) <= high:
            return value
        detail = f"Text of {low} to {high} characters."
        raise invalid(FieldError("invalid_value", detail, parameter=name))

    return parse
