"""Pure: a strict JSON parser: UTF-8, no NaN, no NUL, at most 20 levels deep."""

import json
import re
from decimal import Decimal
from typing import NoReturn

from app.core.errors import Problem

MAX_DEPTH = 20
# No field needs larger numbers, and formatting 1e999999999 would take minutes.
MAX_EXPONENT = 999
MAX_NUMBER_CHARACTERS = 1000

_LONG_EXPONENT = re.compile("[eE][+-]?0*[1-9][0-9]{4}")


def parse_json(body: bytes) -> object:
    """Return a JSON value, with decimals as Decimal; Problem malformed_json if it is not valid."""
    try:
        value = json.loads(body, parse_float=_decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed_json", f"The body is not JSON: {_reason(error)}.") from error
    _check(value, 1)
    return value


def _decimal(text: str) -> Decimal:
    # Decimal cannot represent an exponent of twenty digits.
    if len(text) <= MAX_NUMBER_CHARACTERS and not _LONG_EXPONENT.search(text):
        value = Decimal(text)
        if abs(value.adjusted()) <= MAX_EXPONENT:
            return value
    message = (
        f"a number is beyond 1e{MAX_EXPONENT} or longer than {MAX_NUMBER_CHARACTERS} characters"
    )
    raise ValueError(message)


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON number"
    raise ValueError(message)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg.lower()}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return f"it is more than {MAX_DEPTH} levels deep"
    return str(error)


def _check(value: object, depth: int) -> None:
    if depth > MAX_DEPTH and isinstance(value, dict | list):
        raise Problem("malformed_json", f"The body is more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            _check_text(key)
            _check(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check(part, depth + 1)


def _check_text(text: str) -> None:
    # PostgreSQL can store neither, and half of a surrogate pair has no form in UTF-8.
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text if char >= "\ud800"):
        message = "The body contains a NUL character or half of a surrogate pair."
        raise Problem("malformed_json", message)
