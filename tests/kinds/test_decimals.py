"""Numbers of questions: decimals throughout, and one way to write each."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kinds.decimals import decimal_text, points_number, read_decimal, read_points

TEXTS = st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@given(TEXTS)
def test_the_written_form_is_the_same_number_and_reads_as_itself(text: str) -> None:
    number = read_decimal(text)
    written = decimal_text(number)
    assert Decimal(written) == Decimal(text)
    assert len(written) <= 30
    assert decimal_text(read_decimal(written)) == written


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.integers(0, 6))
def test_equal_numbers_are_written_alike(number: Decimal, zeros: int) -> None:
    digits = f"{number:f}"
    if len(digits) + zeros > 30 or "E" in digits:
        return
    padded = digits + "0" * zeros
    assert decimal_text(read_decimal(padded)) == decimal_text(read_decimal(digits))


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ("0.750", "0.75"),
        ("-0", "0"),
        ("0.0", "0"),
        ("007", "7"),
        ("1e3", "1000"),
        ("1e-3", "0.001"),
        ("1.5E-300", "15e-301"),
        ("1e308", "1e308"),
        ("-12.30", "-12.3"),
        (3, "3"),
        (Decimal("0.10"), "0.1"),
        (0.1, "0.1"),
    ],
)
def test_numbers_and_strings_are_read(given_text: object, written: str) -> None:
    assert decimal_text(read_decimal(given_text)) == written


@pytest.mark.parametrize(
    "refused",
    [
        "",
        " 1",
        "1.",
        ".5",
        "+1",
        "1e400",
        "1e999",
        "NaN",
        "Infinity",
        "0x1",
        "1" * 31,
        "١",
        True,
        None,
        [1],
        "1_000",
        "1e309",
        "0e999",
        Decimal("NaN"),
        Decimal("1E+309"),
        10**30,
    ],
)
def test_what_is_no_decimal_is_refused(refused: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
        read_decimal(refused)


@given(st.decimals(min_value=0, max_value=10_000, places=4, allow_nan=False))
def test_points_come_back_as_the_number_that_was_sent(points: Decimal) -> None:
    assert read_points(points) == points
    assert Decimal(repr(points_number(points))) == points


@pytest.mark.parametrize("refused", [-1, 10_001, "1", True, 0.00001, Decimal("1.23456"), None])
def test_points_are_numbers_of_at_most_four_decimals(refused: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_points(refused)
