"""JSON bodies are parsed strictly."""

from decimal import Decimal

import pytest

from app.core.errors import Problem
from app.core.strict_json import parse_json


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'"\\u0000"',
        b'"\\ud800"',
        b'{"\\u0000": 1}',
        b"\xff",
        b"[" * 21 + b"]" * 21,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_invalid_json_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse_json(body)
    assert caught.value.code == "malformed_json"


@pytest.mark.parametrize(
    "number",
    [
        b"1e999999999",
        b"-1e-999999999",
        b"0e999999999",
        b"1e99999999999999999999",
        b"0." + b"9" * 5000,
    ],
)
def test_an_extreme_number_is_refused(number: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse_json(b"[" + number + b"]")
    assert caught.value.code == "malformed_json"


def test_twenty_levels_are_allowed() -> None:
    assert parse_json(b"[" * 20 + b"]" * 20) is not None


def test_fractions_keep_every_digit() -> None:
    assert parse_json(b"0.1234567890123456789012345") == Decimal("0.1234567890123456789012345")


def test_a_number_may_be_as_large_as_a_double() -> None:
    assert parse_json(b"[1e308, -1.5E-0307]") == [Decimal("1e308"), Decimal("-1.5e-307")]


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    assert parse_json(b'"\\\\u0000"') == "\\u0000"
