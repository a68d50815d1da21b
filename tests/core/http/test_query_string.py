"""Query strings are parsed strictly: an unknown parameter or value is refused, with suggestions."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Problem
from app.core.http.query_string import (
    boolean,
    int_between,
    one_of,
    reject_unknown,
    single_value,
    split_query,
    text_of_length,
)

PAIRS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    ),
    max_size=5,
)


@given(PAIRS)
def test_encoded_pairs_are_decoded(pairs: list[tuple[str, str]]) -> None:
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    assert split_query(raw.encode()) == pairs


@pytest.mark.parametrize("raw", [b"q=%ff", b"q=%00", b"q=" + b"x" * 9000])
def test_invalid_text_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        split_query(raw)
    assert caught.value.code == "malformed_request"


def test_an_unknown_parameter_gets_suggestions() -> None:
    with pytest.raises(Problem) as caught:
        reject_unknown(split_query(b"compnay=google"), ["company", "count"])
    (error,) = caught.value.errors
    assert (error.code, error.parameter) == ("unknown_parameter", "compnay")
    assert next(iter(error.suggestions)) == "company"


@pytest.mark.parametrize("value", ["0", "101", "ten", "1.5", "", "１", "9" * 30])
def test_numbers_out_of_range_are_refused(value: str) -> None:
    with pytest.raises(Problem):
        single_value([("count", value)], "count", int_between(1, 100), 10)


def test_a_value_given_twice_is_refused() -> None:
    with pytest.raises(Problem):
        single_value([("count", "1"), ("count", "2")], "count", int_between(1, 100), 10)


def test_values_are_parsed() -> None:
    pairs = [("count", "7"), ("strict", "true"), ("sort", "newest"), ("seed", "abc")]
    assert single_value(pairs, "count", int_between(1, 100), 10) == 7
    assert single_value(pairs, "strict", boolean, default=False) is True
    assert single_value(pairs, "sort", one_of("newest", "oldest"), "newest") == "newest"
    assert single_value(pairs, "seed", text_of_length(1, 64), "") == "abc"
    assert single_value(pairs, "absent", text_of_length(1, 64), "default") == "default"


def test_a_similar_value_is_suggested() -> None:
    with pytest.raises(Problem) as caught:
        single_value([("sort", "newst")], "sort", one_of("newest", "oldest"), "newest")
    assert list(caught.value.errors[0].suggestions) == ["newest"]
