"""Rates as text."""

import pytest
from pydantic import ValidationError

from app.core.rates import Rate, parse_rate
from app.core.settings import Settings


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1/second", Rate(1, 1)),
        ("600/minute", Rate(600, 60)),
        ("6000/hour", Rate(6000, 3600)),
        ("1000000000/day", Rate(1_000_000_000, 86_400)),
        ("off", None),
    ],
)
def test_a_rate_is_an_amount_in_a_window(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "600", "0/minute", "06/minute", "6 /minute", "6/minutes", "6/minute\n", "٦/minute"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A rate such as 600/minute"):
        parse_rate(text)


def test_settings_refuse_what_is_no_rate() -> None:
    with pytest.raises(ValidationError, match="A rate such as 600/minute"):
        Settings(rate_key="600 per minute")
