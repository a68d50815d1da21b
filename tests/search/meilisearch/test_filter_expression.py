"""Filter conditions, index settings and failure kinds: the pure modules of the engine."""

import re
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.published.facets import FacetChoice
from app.published.question_filter import QuestionFilter
from app.search.meilisearch.failures import FailureKind, classify_failure, task_failure
from app.search.meilisearch.filter_expression import READY_CONDITION, filter_conditions, quote
from app.search.meilisearch.indexes.index_settings import desired_settings, settings_changes
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


def test_without_a_filter_only_the_ready_condition_remains() -> None:
    assert filter_conditions(QuestionFilter(), TREE) == [READY_CONDITION]


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
    assert filter_conditions(wanted, TREE) == [
        READY_CONDITION,
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


def test_categories_include_their_descendants() -> None:
    wanted = QuestionFilter(category=FacetChoice(("models",), ("trees",)))
    assert filter_conditions(wanted, TREE) == [
        READY_CONDITION,
        'categories IN ["forests", "models", "trees"]',
        'categories NOT IN ["forests", "trees"]',
    ]


@given(st.text())
def test_a_quoted_value_is_one_string_whatever_it_contains(value: str) -> None:
    quoted = quote(value)
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', quoted, re.DOTALL)
    assert re.sub(r'\\(["\\])', r"\1", quoted[1:-1]) == value


def test_settings_that_the_index_already_has_are_not_sent() -> None:
    desired = desired_settings({"too complex model": ("overfitting",)})
    current: dict[str, Any] = {
        **desired,
        "dictionary": list(reversed(desired["dictionary"])),
        "typoTolerance": {"enabled": True, "disableOnNumbers": True, "disableOnWords": []},
    }
    assert settings_changes(desired, current) == {}


def test_only_settings_that_differ_are_sent() -> None:
    desired = desired_settings({})
    current = desired | {"stopWords": ["the"], "typoTolerance": {"disableOnNumbers": False}}
    assert settings_changes(desired, current) == {
        "stopWords": [],
        "typoTolerance": {"disableOnNumbers": True},
    }
    assert settings_changes(desired, desired_settings({"a": ("b",)})) == {
        "synonyms": desired["synonyms"]
    }


def test_the_dictionary_lists_terms_in_every_case() -> None:
    assert {"k-NN", "K-nn", "c++", "C#"} <= set(desired_settings({})["dictionary"])


def test_failures_are_classified_by_their_code() -> None:
    # The status of a federated search in a missing index is 400.
    assert classify_failure("index_not_found", 400) is FailureKind.INDEX_MISSING
    assert classify_failure("invalid_api_key", 403) is FailureKind.UNAUTHORIZED
    assert classify_failure("no_space_left_on_device", 422) is FailureKind.STORAGE_FULL
    assert classify_failure("invalid_document_id", 400) is FailureKind.DOCUMENT_REJECTED
    assert classify_failure("invalid_search_filter", 400) is FailureKind.INVALID_REQUEST
    assert classify_failure("too_many_search_requests", 503) is FailureKind.UNAVAILABLE
    assert classify_failure("something_new", 500) is FailureKind.UNAVAILABLE
    assert classify_failure(None, 413) is FailureKind.TOO_LARGE
    assert classify_failure(None, 400) is FailureKind.UNAVAILABLE
    error = {"code": "internal", "type": "internal", "message": "disk"}
    assert task_failure(error).kind is FailureKind.UNAVAILABLE
    assert (
        task_failure({"code": "brand_new", "type": "invalid_request"}).kind
        is FailureKind.INVALID_REQUEST
    )
