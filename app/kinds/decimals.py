"""Numbers of questions: decimals inside, never floats, with one way to write each."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from app.kinds import limits

DECIMAL_PATTERN = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$"

_DECIMAL = re.compile(DECIMAL_PATTERN.removesuffix("$").removeprefix("^"), re.ASCII)


def read_decimal(value: object) -> Decimal:
    """Return a JSON number or decimal string as a decimal; ValueError says what is wrong."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        message = "A number, or a decimal string such as 0.75"
        raise ValueError(message)  # noqa: TRY004 - pydantic turns only ValueError into a refusal
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else None
    number = value if isinstance(value, Decimal) else None
    if text is None:
        text = str(value)
    if len(text) > limits.DECIMAL or not _DECIMAL.fullmatch(text):
        message = f"A decimal number of at most {limits.DECIMAL} characters, such as 0.75 or 1.5e-9"
        raise ValueError(message)
    number = number or Decimal(text)
    if abs(number.adjusted()) > limits.DECIMAL_EXPONENT:
        message = f"Its exponent lies beyond {limits.DECIMAL_EXPONENT}"
        raise ValueError(message)
    return number


def decimal_text(number: Decimal) -> str:
    """Return the one way to write a number: plain where that is short, else digits and exponent."""
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text or not isinstance(exponent, int):
        return "0"
    kept = text.rstrip("0")
    exponent += len(text) - len(kept)
    minus = "-" if sign else ""
    if exponent >= 0:
        plain = kept + "0" * min(exponent, limits.DECIMAL)
    elif -exponent < len(kept):
        plain = f"{kept[:exponent]}.{kept[exponent:]}"
    else:
        plain = "0." + "0" * min(-exponent - len(kept), limits.DECIMAL) + kept
    if len(minus + plain) <= limits.DECIMAL:
        return minus + plain
    return f"{minus}{kept}e{exponent}"


def read_points(value: object) -> Decimal:
    """Return a JSON number with at most four decimals as a decimal; ValueError for others."""
    if type(value) is int:
        number = Decimal(value)
    elif isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, Decimal):
        number = value
    else:
        message = "A number"
        raise ValueError(message)
    if not number.is_finite() or not 0 <= number <= limits.POINTS:
        message = f"A number from 0 to {limits.POINTS}"
        raise ValueError(message)
    if number != round(number, limits.POINTS_DECIMALS):
        message = f"At most {limits.POINTS_DECIMALS} decimals"
        raise ValueError(message)
    return number


def points_number(points: Decimal) -> int | float:
    """Return points as the JSON number that clients get."""
    # A float writes every number of so few digits exactly as it was.
    whole = int(points)
    return whole if points == whole else float(points)


_NUMERIC: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": DECIMAL_PATTERN, "maxLength": limits.DECIMAL},
        {"type": "number"},
    ]
}

DecimalText = Annotated[
    Decimal,
    BeforeValidator(read_decimal),
    PlainSerializer(decimal_text, return_type=str),
    WithJsonSchema(_NUMERIC),
]
Points = Annotated[
    Decimal,
    BeforeValidator(read_points),
    PlainSerializer(points_number),
    WithJsonSchema(
        {"type": "number", "minimum": 0, "maximum": limits.POINTS, "multipleOf": 0.0001}
    ),
]
