"""The text functions of search: tokenizer, query cleaning, plain text and search documents."""

import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.published.feed_columns import PublishedRow
from app.search.text.documents import search_document, term_texts
from app.search.text.plain_text import plain_text
from app.search.text.query import (
    MAX_CHARACTERS,
    MAX_TOKENS,
    MAX_WORDS,
    QueryTooLongError,
    clean_query,
    query_tokens,
)
from app.search.text.tokenizer import WORD_SIGNS, indexed_text, tokenize
from app.taxonomy.vocabulary import Term, Vocabularies, Vocabulary
from tests.search.support.worlds import document
from tests.support.publications import make_row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def token_texts(text: str) -> list[str]:
    return [token.text for token in tokenize(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C++ and C#, F#", ["c++", "and", "c#", "f#"]),
        ("k-NN or knn", ["k", "nn", "knn", "or", "knn"]),
        ("L1 F1 R² R^2 $R^{2}$", ["l1", "f1", "r2", "r2", "r2"]),
        ("A* and x*y", ["a*", "and", "x", "y"]),
        ("O(n log n), Θ(n²), f(x)", ["o(nlogn)", "θ(n2)", "f", "x"]),
        (".NET, ASP.NET, node.js", [".net", "asp", ".net", "node", "js"]),
        ("TLS 1.3.", ["tls", "1.3"]),
        ("max_depth", ["max", "depth", "maxdepth"]),
        ("Occam’s razor", ["occam", "s", "occams", "razor"]),
        ("naïve CAFE\u0301 ＡＢＣ ﬁt", ["naive", "cafe", "abc", "fit"]),
        ("½ of it", ["1", "2", "12", "of", "it"]),
        ("机器学习", ["机", "器", "学", "习"]),
        ("हिन्दी", ["हिन्दी"]),
        ("?! … — «»", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert token_texts(text) == expected


@given(TEXT)
def test_positions_of_tokens_lie_within_the_text(text: str) -> None:
    last = 0
    for token in tokenize(text):
        assert 0 <= token.start < token.end <= len(text)
        assert token.text
        assert not token.text.isspace()
        if not token.is_compound:
            assert token.start >= last or text[token.start : token.end]
            last = token.start


@given(TEXT)
def test_fts5_does_not_split_our_tokens(text: str) -> None:
    """FTS5 splits at ASCII characters that are neither letters, digits nor WORD_SIGNS."""
    for token in tokenize(text):
        for character in token.text:
            assert character in WORD_SIGNS or ord(character) > 127 or character.isalnum(), token
            assert character != '"'


@given(TEXT)
def test_indexed_text_has_the_tokens_that_are_highlighted(text: str) -> None:
    assert sorted(indexed_text(text).split()) == sorted(token_texts(text))


@given(TEXT)
def test_a_query_has_the_tokens_of_an_equal_text(text: str) -> None:
    try:
        cleaned = clean_query(text)
    except QueryTooLongError:
        return
    assert clean_query(cleaned) == cleaned
    if "(" not in cleaned:
        assert [token.text for token in query_tokens(cleaned)] == token_texts(cleaned)[:MAX_TOKENS]


@given(TEXT)
def test_a_cleaned_query_has_no_operators(text: str) -> None:
    try:
        cleaned = clean_query(text)
    except QueryTooLongError:
        return
    assert '"' not in cleaned
    assert unicodedata.is_normalized("NFKC", cleaned)
    assert not any(word.startswith("-") for word in cleaned.split(" "))
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Co"} for char in cleaned)


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  gradient\tdescent\n", "gradient descent"),
        ('"gradient descent" -word', "gradient descent word"),
        ("ｇｒａｄｉｅｎｔ", "gradient"),
        ("-.NET --C++", ".NET C++"),
        ("k-nn", "k-nn"),
        ("???", ""),
        ("- - \u200b", ""),
        ("\ue000x\ue001", "x"),
    ],
)
def test_queries_are_cleaned(typed: str, cleaned: str) -> None:
    assert clean_query(typed) == cleaned


def test_long_queries_are_refused() -> None:
    clean_query("x" * MAX_CHARACTERS)
    clean_query("x " * MAX_WORDS)
    with pytest.raises(QueryTooLongError):
        clean_query("x" * (MAX_CHARACTERS + 1))
    with pytest.raises(QueryTooLongError):
        clean_query("x " * (MAX_WORDS + 1))


def test_an_unfinished_order_of_growth_is_one_token() -> None:
    assert [token.text for token in query_tokens("sort O(n lo")] == ["sort", "o(nlo"]


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("What is **C++** and `k-NN`?", "What is C++ and k-NN?"),
        ("1. one\n2. two", "one two"),
        ("See [the *page*](https://x.example) ![a tree](/media/x)", "See the page a tree"),
        ("$\\alpha_1 + x_2$ and A* search", "\\alpha_1 + x_2 and A* search"),
        ("```python\nx = [1]\n```\nthen", "x = [1] then"),
        ("| a | b |\n|---|---|\n| c | d |", "a b c d"),
        ("a < b && <b>c</b>", "a < b && <b>c</b>"),
        ("soft\nbreak  \nhard", "soft break hard"),
        ("\ue000mark\ue001 \x00", "mark"),
    ],
)
def test_markdown_becomes_plain_text(markdown: str, plain: str) -> None:
    assert plain_text(markdown) == plain


@given(TEXT)
def test_plain_text_cannot_forge_a_highlight(text: str) -> None:
    plain = plain_text(text)
    assert not any("\ue000" <= char <= "\uf8ff" or char < " " for char in plain)


def row(**changes: object) -> PublishedRow:
    given = {"number": 7, "revision": 2, "kind": "single_choice", "categories": "nlp"}
    return make_row(**(given | {"tags": "viva,gone"} | changes))


VOCABULARIES = Vocabularies(
    Vocabulary([Term("nlp", "Language processing", "", ("NLP",))]),
    Vocabulary(),
    Vocabulary([Term("viva", "Oral", "", ())]),
)


def test_a_search_document_has_all_searched_text() -> None:
    body = document(
        "science",
        2,
        stem="What is `x`?",
        hints=["Think", "again"],
        options=[{"id": "a", "text": "**one**"}, {"id": "b", "text": "two"}],
    )
    answers = {"answer": {"options": ["a"]}, "explanation": "*why*", "feedback": {"b": "no"}}
    found = search_document(row(), orjson.dumps(body), orjson.dumps(answers), VOCABULARIES)
    assert found.id == "00000000-0000-0000-0000-000000000000"
    assert found[4:] == (
        "What is x?",
        "one ; two",
        "Language processing , NLP ; Oral ; gone",
        "Think ; again",
        "why ; no",
    )
    public = search_document(row(), orjson.dumps(body), None, VOCABULARIES)
    assert public == found._replace(answer="")


@pytest.mark.parametrize(
    ("public", "answer", "searched"),
    [
        (
            {"kind": "code", "programming_language": "python", "starter": "def  f():\n    ..."},
            {"solution": "def f(): return 1", "tests": [{"call": "f()", "expected": "1"}]},
            ("def f(): ...", "python", "def f(): return 1"),
        ),
        ({"kind": "numeric", "unit": None}, {"value": "2"}, ("", "", "")),
        ({"kind": "numeric", "unit": "km/h"}, {"value": "2"}, ("km/h", "", "")),
        ({"kind": "short_text"}, {"accept": ["q", "s"], "match": "exact"}, ("", "", "q ; s")),
        (
            {"kind": "open"},
            {
                "model": "Because",
                "key_points": ["p"],
                "mistakes": [],
                "follow_ups": ["*f*"],
                "rubric": [{"criterion": "r", "points": 1}],
            },
            ("", "", "Because ; p ; f ; r"),
        ),
    ],
)
def test_a_document_holds_the_texts_of_its_kind(
    public: dict[str, Any], answer: dict[str, Any], searched: tuple[str, str, str]
) -> None:
    body = document("science", 2, **public)
    answers = {"answer": answer, "explanation": None, "feedback": {}}
    plain_row = row(kind=public["kind"], categories="", tags="")
    found = search_document(plain_row, orjson.dumps(body), orjson.dumps(answers), VOCABULARIES)
    assert (found.options, found.terms, found.answer) == searched


def test_a_tombstone_is_not_indexed() -> None:
    with pytest.raises(ValueError, match="without a live revision"):
        search_document(row(revision=None), b"{}", None, VOCABULARIES)


def test_the_text_of_a_term_is_its_name_and_aliases() -> None:
    assert term_texts(VOCABULARIES) == {
        "categories/nlp": "Language processing , NLP",
        "tags/viva": "Oral",
    }
