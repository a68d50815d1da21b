"""Cells: lists, formula guards, and the places that a spreadsheet is known to hurt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transfer.formats.csv_cells import guard, join, split, split_names, unguard

# Letters that matter to lists, guards and quoting, and a few that do not.
CELLS = st.text(alphabet="ab|\\'\"=+-@\t\r\n,;0.5eＥ＝＋－＠é ", max_size=12)


@given(CELLS)
def test_a_guarded_cell_reads_back_as_it_was(cell):
    assert unguard(guard(cell)) == cell


@given(CELLS)
def test_no_guarded_cell_is_a_formula(cell):
    sent = guard(cell)
    if sent.startswith(tuple("=+-@\t\r＝＋－＠")):
        float(sent)


@given(st.lists(CELLS.filter(bool), max_size=5))
def test_a_joined_list_splits_into_its_parts(parts):
    assert split(join(parts)) == parts


@pytest.mark.parametrize("number", ["-5", "+3.25", "-1e-7"])
def test_numbers_are_not_guarded(number):
    assert guard(number) == number


def test_a_backslash_before_another_letter_is_a_backslash():
    assert split(r"\frac{1}{2}|a\|b|c\\") == [r"\frac{1}{2}", "a|b", "c\\"]


def test_names_lose_the_spaces_around_them():
    assert split_names(" metrics | trees |") == ["metrics", "trees"]
