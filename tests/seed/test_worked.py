"""Numeric answers follow from the numbers in their stems; the usual mistake is marked wrong."""

import re
from decimal import Decimal

import pytest

from tests.seed.bank import Question, questions
from tests.seed.worked import engineering, evaluation, foundations, models

AUTHORS = (foundations, models, engineering, evaluation)
WORKED = {name: work for author in AUTHORS for name, work in author.WORKED.items()}
MISTAKES = {name: work for author in AUTHORS for name, work in author.MISTAKES.items()}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
NUMERIC = questions("numeric")


def numbers(question: Question) -> list[float]:
    return [float(number) for number in NUMBER.findall(question["stem"])]


def is_right(question: Question, given: float) -> bool:
    answer = question["answer"]
    assert answer["tolerance_kind"] == "absolute"
    # Rounding removes the error of binary fractions.
    distance = abs(Decimal(str(round(given, 9))) - Decimal(answer["value"]))
    return distance <= Decimal(answer["tolerance"])


@pytest.mark.parametrize("question", NUMERIC, ids=lambda question: str(question["external_id"]))
def test_the_answer_follows_from_the_numbers_in_the_stem(question: Question) -> None:
    assert is_right(question, WORKED[question["external_id"]](numbers(question)))


@pytest.mark.parametrize("question", NUMERIC, ids=lambda question: str(question["external_id"]))
def test_the_usual_mistake_is_marked_wrong(question: Question) -> None:
    assert not is_right(question, MISTAKES[question["external_id"]](numbers(question)))


@pytest.mark.parametrize("question", NUMERIC, ids=lambda question: str(question["external_id"]))
def test_an_answer_rounded_as_the_stem_asks_is_right(question: Question) -> None:
    places = max(0, -int(Decimal(question["answer"]["value"]).as_tuple().exponent))
    worked = WORKED[question["external_id"]](numbers(question))
    assert is_right(question, round(worked, places))


def test_every_numeric_question_is_worked_once() -> None:
    names = {question["external_id"] for question in NUMERIC}
    assert set(WORKED) == set(MISTAKES) == names
    assert sum(len(author.WORKED) for author in AUTHORS) == len(names)
