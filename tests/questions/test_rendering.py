"""Rendering: a document without answers, and an order of options that reveals nothing."""

from collections import Counter
from typing import Any
from uuid import UUID

import orjson
import pytest

from app.core import time_and_random
from app.core.secrets import Secrets
from app.kinds import KINDS, content_values, give_item_ids, parse_content
from app.published.publishing import Publication
from app.questions.rendering import Renderer, time_text
from app.questions.state import PendingRevision, QuestionState, RevisionContent, new_question
from tests.questions.examples import BODIES

SECRETS = Secrets(("a secret of at least thirty-two characters",))
DELIVERED = [
    "id",
    "revision",
    "bank",
    "kind",
    "stem",
    "hints",
    "categories",
    "companies",
    "evidence",
    "tags",
    "difficulty",
    "levels",
    "language",
    "points",
    "time_seconds",
    "media",
    "source",
    "licence",
    "published_at",
    "updated_at",
]


def make_question(kind: str, **changes: Any) -> QuestionState:
    content = parse_content(BODIES[kind] | {"language": "en"} | changes)
    give_item_ids([content])
    revision = RevisionContent(1, 1_764_000_000_123, content_values(content), content)
    question = new_question(
        time_and_random.uuid7(), "science", None, PendingRevision(revision, None)
    )
    question.publish(revision, 1_764_000_000_456)
    return question


def render(question: QuestionState, secrets: Secrets = SECRETS) -> Publication:
    return Renderer(secrets).publication(question, None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_delivers_the_same_fields_and_its_own(kind: str) -> None:
    question = make_question(kind, explanation="secret words", family="f", review_by="2027-01-01")
    entry = render(question)
    document = orjson.loads(entry.document)
    assert list(document)[: len(DELIVERED)] == DELIVERED
    assert not document.keys() & {"answer", "explanation", "feedback", "family", "review_by"}
    assert b"secret words" not in entry.document
    assert document["updated_at"] == "2025-11-24T16:00:00.123Z"
    assert document["published_at"] == "2025-11-24T16:00:00.456Z"
    answers = orjson.loads(entry.answers)
    assert answers.keys() == {"answer", "explanation", "feedback"}
    assert answers["explanation"] == "secret words"


def test_the_document_of_a_choice_does_not_depend_on_which_option_is_right() -> None:
    question = make_question("single_choice")
    values = question.newest.values
    other = [
        option | {"key": not option["key"], "feedback": "Other."} for option in values["options"]
    ]
    swapped = QuestionState(
        question.id,
        "science",
        None,
        "published",
        question.published_at,
        question.created_at,
        RevisionContent(
            1, question.newest.at, values | {"options": other, "kind": "multiple_choice"}
        ),
        None,
    )
    swapped.live = swapped.newest
    same = render(question).document.replace(b"single_choice", b"multiple_choice")
    assert render(swapped).document == same


def test_the_delivered_position_of_the_key_does_not_depend_on_where_it_was_written() -> None:
    places: Counter[int] = Counter()
    for _ in range(600):
        question = make_question("single_choice")
        document = orjson.loads(render(question).document)
        key = question.newest.values["options"][0]["id"]
        places[[option["id"] for option in document["options"]].index(key)] += 1
    assert set(places) == {0, 1, 2}
    assert min(places.values()) > 130


def test_the_order_of_options_depends_on_the_secret_and_is_stable() -> None:
    questions = [make_question("single_choice") for _ in range(20)]
    other = Secrets(("another secret, thirty-two characters",))
    first = [render(question).document for question in questions]
    assert first == [render(question).document for question in questions]
    assert first != [render(question, other).document for question in questions]


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["10", "9", "-1", "2.5"], ["-1", "2.5", "9", "10"]),
        ([" 3", "−2", "+1"], ["−2", "+1", " 3"]),
    ],
)
def test_options_that_are_numbers_are_sorted(texts: list[str], shown: list[str]) -> None:
    options = [{"text": text, "key": place == 0} for place, text in enumerate(texts)]
    document = orjson.loads(render(make_question("single_choice", options=options)).document)
    assert [option["text"] for option in document["options"]] == shown


def test_times_have_milliseconds_and_are_in_utc() -> None:
    assert time_text(0) == "1970-01-01T00:00:00.000Z"
    assert UUID(int=0) != time_and_random.uuid7()
