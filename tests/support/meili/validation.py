"""Validates JSON bodies and query strings, with the messages of the real server.

A check takes a value and its path in the request, and returns the value or raises
InvalidValueError. Unknown fields and parameters are refused.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.support.meili.edit_distance import osa_distance
from tests.support.meili.errors import MeiliError

Check = Callable[[Any, str], Any]


class InvalidValueError(Exception):
    """A value is invalid; `parse_object` and `parse_query` add the error code of its field."""


@dataclass(frozen=True, slots=True)
class Field:
    """The check of a field, the error code of an invalid value, and that of a missing field."""

    check: Check
    code: str
    missing_code: str | None = None


def _type_name(value: object) -> str:
    kinds: list[tuple[type, str]] = [
        (bool, "a boolean"),
        (int, "a positive integer"),
        (float, "a number"),
        (str, "a string"),
        (list, "an array"),
        (dict, "an object"),
    ]
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        return "a negative integer"
    return next(name for kind, name in kinds if isinstance(value, kind))


def _compact_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _invalid_type(value: object, at: str, expected: str) -> NoReturn:
    found = "null" if value is None else f"{_type_name(value)}: `{_compact_json(value)}`"
    place = f" at `{at}`" if at else ""
    raise InvalidValueError(f"Invalid value type{place}: expected {expected}, but found {found}")


def invalid_value(at: str, message: str) -> NoReturn:
    place = f" at `{at}`" if at else ""
    raise InvalidValueError(f"Invalid value{place}: {message}")


def unsigned(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _invalid_type(value, at, "a positive integer")
    return value


def boolean(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        _invalid_type(value, at, "a boolean")
    return value


def string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        _invalid_type(value, at, "a string")
    return value


def number(value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _invalid_type(value, at, "a number")
    return float(value)


def anything(value: Any, at: str) -> Any:
    return value


def nullable(check: Check) -> Check:
    return lambda value, at: None if value is None else check(value, at)


def list_of(check: Check) -> Check:
    def checked(value: Any, at: str) -> list[Any]:
        if not isinstance(value, list):
            _invalid_type(value, at, "an array")
        return [check(item, f"{at}[{position}]") for position, item in enumerate(value)]

    return checked


def mapping_of(check: Check) -> Check:
    def checked(value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            _invalid_type(value, at, "an object")
        return {key: check(item, f"{at}.{key}") for key, item in value.items()}

    return checked


def one_of(*names: str) -> Check:
    def checked(value: Any, at: str) -> str:
        text = string(value, at)
        if text not in names:
            place = f" at `{at}`" if at else ""
            raise InvalidValueError(
                f"Unknown value `{text}`{place}: {_expected_names(text, names)}"
            )
        return text

    return checked


def object_of(**checks: Check) -> Check:
    """Check an object with these fields, all of them optional; null is allowed."""

    def checked(value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            _invalid_type(value, at, "an object")
        for key in value:
            if key not in checks:
                raise InvalidValueError(_unknown_field(key, at, checks))
        return {
            key: None if item is None else checks[key](item, f"{at}.{key}")
            for key, item in value.items()
        }

    return checked


def _expected_names(text: str, names: Mapping[str, Any] | tuple[str, ...]) -> str:
    lengths = [(3, 0), (7, 1), (12, 2), (17, 3), (24, 4)]
    allowed = next((typos for most, typos in lengths if len(text) <= most), 5)
    distances = [(osa_distance(text, name), name) for name in names] if allowed else []
    near = (pair for pair in distances if pair[0] <= allowed)
    best = min(near, key=lambda pair: pair[0], default=None)
    suggestion = f"did you mean `{best[1]}`? " if best else ""
    return f"{suggestion}expected one of {', '.join(f'`{name}`' for name in names)}"


def _unknown_field(key: str, at: str, names: Mapping[str, Any]) -> str:
    place = f" inside `{at}`" if at else ""
    return f"Unknown field `{key}`{place}: {_expected_names(key, names)}"


def parse_object(
    value: Any, fields: Mapping[str, Field], code: str = "bad_request", at: str = ""
) -> dict[str, Any]:
    """Return an object whose fields are valid; MeiliError for the first invalid one."""
    if not isinstance(value, dict):
        try:
            _invalid_type(value, at, "an object")
        except InvalidValueError as error:
            raise MeiliError(code, str(error)) from None
    parsed: dict[str, Any] = {}
    for key, item in value.items():
        field = fields.get(key)
        if field is None:
            raise MeiliError(code, _unknown_field(key, at, fields))
        try:
            parsed[key] = field.check(item, f"{at}.{key}")
        except InvalidValueError as error:
            raise MeiliError(field.code, str(error)) from None
    for key, field in fields.items():
        if field.missing_code and key not in parsed:
            place = f" inside `{at}`" if at else ""
            raise MeiliError(field.missing_code, f"Missing field `{key}`{place}")
    return parsed


def parse_query(pairs: list[tuple[str, str]], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the valid parameters of a query string; the checks get strings."""
    parsed: dict[str, Any] = {}
    for key, text in pairs:
        field = fields.get(key)
        if field is None:
            raise MeiliError(
                "bad_request", _unknown_field(key, "", fields).replace("field", "parameter")
            )
        try:
            parsed[key] = field.check(text, key)
        except InvalidValueError as error:
            message = f"Invalid value in parameter `{key}`: {error}"
            raise MeiliError(field.code, message) from None
    return parsed


def unsigned_text(text: str, at: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidValueError(f"could not parse `{text}` as a positive integer")
    return int(text)


def boolean_text(text: str, at: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidValueError(
            f"could not parse `{text}` as a boolean, expected either `true` or `false`"
        )
    return text == "true"
