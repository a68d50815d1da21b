"""The numbers of a question: decimals in memory, never floats, each with one way to write it."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from app.kinds import limits
from app.kinds.declarations.text_type import TextType

DECIMAL_PATTERN = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$"

_DECIMAL = re.compile(DECIMAL_PATTERN.removesuffix("$").removeprefix("^"), re.ASCII)


def read_decimal(value: object) -> Decimal:
    """Return a JSON number or decimal string as a decimal; raise ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        message = "A number, or a decimal string such as 0.75"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports only a ValueError
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else None
    number = value if isinstance(value, Decimal) else None
    if text is None:
        text = str(value)
    if len(text) > limits.DECIMAL or not _DECIMAL.fullmatch(text):
        message = f"A decimal number of at most {limits.DECIMAL} characters, such as 0.75 or 1.5e-9"
        raise ValueError(message)
    number = number or Decimal(text)
    if abs(number.adjusted()) > limits.DECIMAL_EXPONENT:
        message = f"A number with an exponent of at most {limits.DECIMAL_EXPONENT}"
        raise ValueError(message)
    return number


def decimal_text(number: Decimal) -> str:
    """Return the number's text: plain if that is short enough, else digits with an exponent.

    Equal numbers have the same text.
    """
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text or not isinstance(exponent, int):
        return "0"
    significant = text.rstrip("0")
    exponent += len(text) - len(significant)
    minus = "-" if sign else ""
    if exponent >= 0:
        plain = significant + "0" * min(exponent, limits.DECIMAL)
    elif -exponent < len(significant):
        plain = f"{significant[:exponent]}.{significant[exponent:]}"
    else:
        plain = "0." + "0" * min(-exponent - len(significant), limits.DECIMAL) + significant
    if len(minus + plain) <= limits.DECIMAL:
        return minus + plain
    return f"{minus}{significant}e{exponent}"


def read_points(value: object) -> Decimal:
    """Return a JSON number with at most four decimals as a decimal.

    Raises ValueError for anything else.
    """
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
    """Return points as the JSON number that clients receive."""
    # Points have so few digits that a float prints as the same decimal.
    integer = int(points)
    return integer if points == integer else float(points)


_DECIMAL_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": DECIMAL_PATTERN, "maxLength": limits.DECIMAL},
        {"type": "number"},
    ]
}

DecimalText = Annotated[
    Decimal,
    BeforeValidator(read_decimal),
    PlainSerializer(decimal_text, return_type=str),
    WithJsonSchema(_DECIMAL_SCHEMA),
    TextType.DECIMAL,
]
Points = Annotated[
    Decimal,
    BeforeValidator(read_points),
    PlainSerializer(points_number),
    WithJsonSchema(
        {"type": "number", "minimum": 0, "maximum": limits.POINTS, "multipleOf": 0.0001}
    ),
]
