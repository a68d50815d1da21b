"""The terms and quizzes of the seed bank: descriptions help to prepare, quizzes can be graded."""

from collections import Counter
from typing import Any

import pytest

from app.taxonomy.vocabulary import Term, fold
from tests.seed.bank import (
    COMPANIES,
    LEVELS,
    Question,
    graded,
    questions,
    quizzes,
    subtree,
    terms,
    top_categories,
)

MAX_DESCRIPTION_LENGTH = 4000


@pytest.mark.parametrize("term", terms()["categories"], ids=lambda term: str(term["slug"]))
def test_a_category_says_what_to_know_how_it_is_asked_and_what_good_answers_have(
    term: dict[str, Any],
) -> None:
    description = term["description"]
    assert 40 <= len(description.split()) <= 120
    for part in ("*Know:*", "*How it is asked:*", "*Good answers*"):
        assert description.count(part) == 1


def test_the_bank_says_how_to_prepare() -> None:
    (bank,) = terms()["banks"]
    assert 150 <= len(bank["description"].split()) <= 250
    assert len(bank["description"]) <= MAX_DESCRIPTION_LENGTH
    for part in (
        "Core ideas before variants",
        "The common algorithms",
        "Theory together with code",
        "A page of formulas",
        "Projects to show",
        "Mock interviews",
        "Keeping current",
    ):
        assert part in bank["description"]


@pytest.mark.parametrize("vocabulary", ["categories", "companies", "tags"])
def test_each_name_belongs_to_one_term(vocabulary: str) -> None:
    keys = Counter(
        key
        for term in terms()[vocabulary]
        for key in Term(**{**term, "aliases": tuple(term["aliases"])}).keys
    )
    assert max(keys.values()) == 1
    for term in terms()[vocabulary]:
        folded = [fold(alias) for alias in term["aliases"]]
        assert len(set(folded)) == len(folded), term["slug"]
        assert not any("," in alias or alias.startswith("-") for alias in term["aliases"])


def test_there_is_a_quiz_for_each_company_level_and_top_category() -> None:
    chosen: list[tuple[str, str]] = []
    for quiz in quizzes():
        (part,) = {"company", "level", "category"} & quiz["filter"].keys()
        (value,) = quiz["filter"][part]
        chosen.append((part, value))
    expected = [("company", company) for company in COMPANIES]
    expected += [("level", level) for level in LEVELS]
    expected += [("category", slug) for slug in top_categories() if slug != "experience"]
    assert Counter(chosen) == Counter(expected)
    assert len({quiz["slug"] for quiz in quizzes()}) == len(quizzes())


@pytest.mark.parametrize("quiz", quizzes(), ids=lambda quiz: str(quiz["slug"]))
def test_enough_questions_match_a_quiz_and_all_can_be_graded(quiz: dict[str, Any]) -> None:
    assert quiz.keys() == {"slug", "title", "description", "filter", "count", "seed", "settings"}
    matching = [question for question in questions() if matches(question, quiz["filter"])]
    assert 8 <= quiz["count"] <= len(matching)
    assert all(question in graded() for question in matching)
    assert len(quiz["description"]) <= MAX_DESCRIPTION_LENGTH


def matches(question: Question, filter_: dict[str, list[str]]) -> bool:
    values_of = {
        "bank": {"machine-learning"},
        "kind": {question["kind"]},
        "company": set(question["companies"]),
        "level": set(question["levels"]),
        "category": set(question["categories"]),
    }
    return all(
        values_of[part]
        & (set(values) if part != "category" else set().union(*map(subtree, values)))
        for part, values in filter_.items()
    )
