"""Checks of JSON bodies and query strings that refuse what they do not know, as deserr does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.support.meili.distance import osa_distance
from tests.support.meili.errors import MeiliError

Check = Callable[[Any, str], Any]


class MisfitError(Exception):
    """A value that does not fit; whoever knows the field adds the code."""


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is checked, the code of its refusal, and that of its absence."""

    check: Check
    code: str
    missing: str | None = None


def _kind(value: object) -> str:
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


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _wrong_type(value: object, at: str, expected: str) -> NoReturn:
    found = "null" if value is None else f"{_kind(value)}: `{_shown(value)}`"
    place = f" at `{at}`" if at else ""
    raise MisfitError(f"Invalid value type{place}: expected {expected}, but found {found}")


def wrong_value(at: str, message: str) -> NoReturn:
    place = f" at `{at}`" if at else ""
    raise MisfitError(f"Invalid value{place}: {message}")


def uint(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _wrong_type(value, at, "a positive integer")
    return value


def boolean(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        _wrong_type(value, at, "a boolean")
    return value


def string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        _wrong_type(value, at, "a string")
    return value


def number(value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _wrong_type(value, at, "a number")
    return float(value)


def anything(value: Any, at: str) -> Any:
    return value


def nullable(check: Check) -> Check:
    return lambda value, at: None if value is None else check(value, at)


def list_of(check: Check) -> Check:
    def checked(value: Any, at: str) -> list[Any]:
        if not isinstance(value, list):
            _wrong_type(value, at, "an array")
        return [check(item, f"{at}[{place}]") for place, item in enumerate(value)]

    return checked


def mapping_of(check: Check) -> Check:
    def checked(value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            _wrong_type(value, at, "an object")
        return {key: check(item, f"{at}.{key}") for key, item in value.items()}

    return checked


def one_of(*names: str) -> Check:
    def checked(value: Any, at: str) -> str:
        text = string(value, at)
        if text not in names:
            place = f" at `{at}`" if at else ""
            raise MisfitError(f"Unknown value `{text}`{place}: {_expected(text, names)}")
        return text

    return checked


def record_of(**checks: Check) -> Check:
    """Check an object of known fields, all of them optional; null stays null."""

    def checked(value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            _wrong_type(value, at, "an object")
        for key in value:
            if key not in checks:
                raise MisfitError(_unknown(key, at, checks))
        return {
            key: None if item is None else checks[key](item, f"{at}.{key}")
            for key, item in value.items()
        }

    return checked


def _expected(text: str, names: Mapping[str, Any] | tuple[str, ...]) -> str:
    lengths = [(3, 0), (7, 1), (12, 2), (17, 3), (24, 4)]
    allowed = next((typos for most, typos in lengths if len(text) <= most), 5)
    near = [(osa_distance(text, name), name) for name in names] if allowed else []
    best = min((pair for pair in near if pair[0] <= allowed), key=lambda p: p[0], default=None)
    meant = f"did you mean `{best[1]}`? " if best else ""
    return f"{meant}expected one of {', '.join(f'`{name}`' for name in names)}"


def _unknown(key: str, at: str, names: Mapping[str, Any]) -> str:
    place = f" inside `{at}`" if at else ""
    return f"Unknown field `{key}`{place}: {_expected(key, names)}"


def take(
    value: Any, fields: Mapping[str, Field], code: str = "bad_request", at: str = ""
) -> dict[str, Any]:
    """Check an object against its fields; MeiliError for the first that does not fit."""
    if not isinstance(value, dict):
        try:
            _wrong_type(value, at, "an object")
        except MisfitError as misfit:
            raise MeiliError(code, str(misfit)) from None
    taken = {}
    for key, item in value.items():
        field = fields.get(key)
        if field is None:
            raise MeiliError(code, _unknown(key, at, fields))
        try:
            taken[key] = field.check(item, f"{at}.{key}")
        except MisfitError as misfit:
            raise MeiliError(field.code, str(misfit)) from None
    for key, field in fields.items():
        if field.missing and key not in taken:
            place = f" inside `{at}`" if at else ""
            raise MeiliError(field.missing, f"Missing field `{key}`{place}")
    return taken


def take_parameters(pairs: list[tuple[str, str]], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Check a query string likewise; the checks get strings."""
    taken = {}
    for key, text in pairs:
        field = fields.get(key)
        if field is None:
            raise MeiliError("bad_request", _unknown(key, "", fields).replace("field", "parameter"))
        try:
            taken[key] = field.check(text, key)
        except MisfitError as misfit:
            message = f"Invalid value in parameter `{key}`: {misfit}"
            raise MeiliError(field.code, message) from None
    return taken


def uint_text(text: str, at: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise MisfitError(f"could not parse `{text}` as a positive integer")
    return int(text)


def boolean_text(text: str, at: str) -> bool:
    if text not in ("true", "false"):
        raise MisfitError(
            f"could not parse `{text}` as a boolean, expected either `true` or `false`"
        )
    return text == "true"
