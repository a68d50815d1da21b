"""CSV cells: lists in one cell, and guards against formulas in spreadsheets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transfer.formats.csv_cells import (
    escape_formula,
    join,
    split,
    split_names,
    unescape_formula,
)

# Characters with a meaning in lists, guards or quoting, and a few without.
CELLS = st.text(alphabet="ab|\\'\"=+-@\t\r\n,;0.5eＥ＝＋－＠é ", max_size=12)


@given(CELLS)
def test_unguard_reverses_guard(cell):
    assert unescape_formula(escape_formula(cell)) == cell


@given(CELLS)
def test_a_guarded_cell_is_no_formula(cell):
    sent = escape_formula(cell)
    if sent.startswith(tuple("=+-@\t\r＝＋－＠")):
        float(sent)


@given(st.lists(CELLS.filter(bool), max_size=5))
def test_split_reverses_join(parts):
    assert split(join(parts)) == parts


@pytest.mark.parametrize("number", ["-5", "+3.25", "-1e-7"])
def test_numbers_are_not_guarded(number):
    assert escape_formula(number) == number


def test_a_backslash_escapes_only_bars_and_backslashes():
    assert split(r"\frac{1}{2}|a\|b|c\\") == [r"\frac{1}{2}", "a|b", "c\\"]


def test_spaces_around_names_and_empty_names_are_removed():
    assert split_names(" metrics | trees |") == ["metrics", "trees"]
