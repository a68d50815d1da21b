"""The filter means the same on the server as everywhere, and no value in it can be an operator."""

import re
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.published.facets import FacetChoice
from app.published.question_filter import QuestionFilter
from app.search.meilisearch.failures import Kind, kind_of, task_failure
from app.search.meilisearch.filter_expression import READY, expression, quoted
from app.search.meilisearch.index_settings import lacking, wanted_settings
from app.taxonomy.vocabulary import Term, Vocabularies, Vocabulary

TREE = Vocabularies(
    Vocabulary(
        [
            Term("models", "Models", "", ()),
            Term("trees", "Trees", "", (), parent="models"),
            Term("forests", "Forests", "", (), parent="trees"),
            Term("metrics", "Metrics", "", ()),
        ]
    ),
    Vocabulary(),
    Vocabulary(),
)


def test_without_a_filter_only_an_index_with_our_settings_answers() -> None:
    assert expression(QuestionFilter(), TREE) == [READY]


def test_every_parameter_becomes_a_condition() -> None:
    excluded = UUID("0197f0aa-0000-7000-8000-000000000000")
    wanted = QuestionFilter(
        bank=FacetChoice(("science",)),
        kind=FacetChoice(("numeric", "open")),
        company=FacetChoice((), ("amazon",)),
        tag=FacetChoice(("viva",)),
        tag_all=("coding", "viva"),
        difficulty=FacetChoice(("easy",), ("hard",)),
        level=FacetChoice(("fresher",)),
        language=FacetChoice(("en-gb",)),
        exclude=(excluded,),
        updated_after=1700000000000,
    )
    assert expression(wanted, TREE) == [
        READY,
        'kind IN ["numeric", "open"]',
        'companies NOT IN ["amazon"]',
        'tags IN ["viva"]',
        'difficulty IN ["easy"]',
        'difficulty NOT IN ["hard"]',
        'levels IN ["fresher"]',
        'language IN ["en-gb"]',
        'tags = "coding"',
        'tags = "viva"',
        f'question NOT IN ["{excluded}"]',
        "updated_at > 1700000000000",
    ]


def test_categories_stand_for_everything_below_them() -> None:
    wanted = QuestionFilter(category=FacetChoice(("models",), ("trees",)))
    assert expression(wanted, TREE) == [
        READY,
        'categories IN ["forests", "models", "trees"]',
        'categories NOT IN ["forests", "trees"]',
    ]


@given(st.text())
def test_a_quoted_value_is_one_string_whatever_stands_in_it(value: str) -> None:
    whole = quoted(value)
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', whole, re.DOTALL)
    assert re.sub(r'\\(["\\])', r"\1", whole[1:-1]) == value


def test_settings_that_the_server_has_already_are_not_sent() -> None:
    wanted = wanted_settings({"too complex model": ("overfitting",)})
    found: dict[str, Any] = {
        **wanted,
        "dictionary": list(reversed(wanted["dictionary"])),
        "typoTolerance": {"enabled": True, "disableOnNumbers": True, "disableOnWords": []},
    }
    assert lacking(wanted, found) == {}


def test_only_settings_that_differ_are_sent() -> None:
    wanted = wanted_settings({})
    found = wanted | {"stopWords": ["the"], "typoTolerance": {"disableOnNumbers": False}}
    assert lacking(wanted, found) == {
        "stopWords": [],
        "typoTolerance": {"disableOnNumbers": True},
    }
    assert lacking(wanted, wanted_settings({"a": ("b",)})) == {"synonyms": wanted["synonyms"]}


def test_terms_are_listed_in_every_case() -> None:
    assert {"k-NN", "K-nn", "c++", "C#"} <= set(wanted_settings({})["dictionary"])


def test_failures_are_told_by_their_code() -> None:
    # A federated search over a missing index has the status of a bad request.
    assert kind_of("index_not_found", 400) is Kind.MISSING
    assert kind_of("invalid_api_key", 403) is Kind.REFUSED
    assert kind_of("no_space_left_on_device", 422) is Kind.FULL
    assert kind_of("invalid_document_id", 400) is Kind.POISON
    assert kind_of("invalid_search_filter", 400) is Kind.OURS
    assert kind_of("too_many_search_requests", 503) is Kind.DOWN
    assert kind_of("something_new", 500) is Kind.DOWN
    assert kind_of(None, 413) is Kind.TOO_LARGE
    assert kind_of(None, 400) is Kind.DOWN
    error = {"code": "internal", "type": "internal", "message": "disk"}
    assert task_failure(error).kind is Kind.DOWN
    assert task_failure({"code": "brand_new", "type": "invalid_request"}).kind is Kind.OURS
