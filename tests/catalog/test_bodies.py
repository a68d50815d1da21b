"""Questions are composed from memory or the database, always with the same bytes."""

import asyncio
import inspect
import random
from collections.abc import Callable

import orjson
import pytest

from app.access.rights import ANONYMOUS, AnswerRight
from app.catalog.bodies.byte_cache import body_key
from app.catalog.bodies.composer import ComposedQuestions
from app.catalog.service import ReadAccess
from app.core.errors import Problem
from app.core.settings import Settings
from tests.catalog.support import ADMIN, CatalogWorker, Question, make_question


def _compose(
    worker: CatalogWorker, questions: list[Question], access: ReadAccess, text: str = "markdown"
) -> ComposedQuestions:
    keys = [body_key(question.number or 0, question.revision) for question in questions]

    async def compose() -> ComposedQuestions:
        composed = worker.catalog.compose(keys, access, text)
        return await composed if inspect.isawaitable(composed) else composed

    return asyncio.run(compose())


@pytest.mark.parametrize("budget", [0, 1])
def test_items_are_the_published_bytes_in_the_order_requested(
    fresh_settings: Callable[..., Settings], budget: int
) -> None:
    worker = CatalogWorker(fresh_settings(body_budget_mb=budget))
    worker.make_bank()
    questions = [make_question(stem="x" * 8_000) for _ in range(150)]
    worker.publish(*questions)
    old = questions[0].document
    questions[0].revision = 2
    worker.publish(questions[0])
    worker.follow()
    access = worker.catalog.read_access(ANONYMOUS)
    chance = random.Random(budget)
    for count in (1, 7, 40, 150):
        chosen = chance.sample(questions, count)
        composed = _compose(worker, chosen, access)
        assert composed.items == [orjson.dumps(question.document) for question in chosen]
    # Earlier revisions stay in the database, for quizzes that contain them.
    questions[0].revision = 1
    assert _compose(worker, questions[:1], access).items == [orjson.dumps(old)]
    worker.close()


def test_a_body_that_was_read_once_is_composed_without_the_database(worker: CatalogWorker) -> None:
    question = make_question()
    worker.publish(question)
    worker.follow()
    access = worker.catalog.read_access(ANONYMOUS)
    first = _compose(worker, [question], access)
    worker.execute("DELETE FROM answers")
    worker.execute("UPDATE documents SET body = :body", body=b"{}")
    again = worker.catalog.compose([body_key(question.number or 0, 1)], access, "markdown")
    assert again == first


def test_a_missing_body_is_503_with_retry_after(worker: CatalogWorker) -> None:
    question = make_question()
    worker.publish(question)
    worker.follow()
    question.revision = 7
    with pytest.raises(Problem) as caught:
        _compose(worker, [question], worker.catalog.read_access(ANONYMOUS))
    assert caught.value.code == "not_caught_up"
    assert "Retry-After" in caught.value.headers


def test_answers_need_a_right_that_covers_their_bank(worker: CatalogWorker) -> None:
    worker.make_bank("closed", read="restricted", answers="restricted")
    worker.make_bank("silent", answers="restricted")
    public, restricted = make_question(), make_question(bank="silent")
    worker.publish(public, restricted)
    worker.follow()
    right = worker.catalog.read_access(ANONYMOUS, answers=True)
    assert right.banks == {"science"}
    for text_format in ("markdown", "html", "nodes"):
        assert b'"explanation":' in _compose(worker, [public], right, text_format).items[0]
        with pytest.raises(Problem) as caught:
            _compose(worker, [public, restricted], right, text_format)
        assert caught.value.code == "answers_not_allowed"
    with pytest.raises(TypeError):
        AnswerRight(frozenset({"silent"}), object())
    with pytest.raises(Problem):
        worker.catalog.read_access(ANONYMOUS, ["silent"], answers=True)
    assert _compose(
        worker, [restricted], worker.catalog.read_access(ADMIN, ["silent"], answers=True)
    ).items


@pytest.mark.parametrize("budget", [0, 1, 64])
def test_live_bodies_are_current_whatever_is_cached(
    fresh_settings: Callable[..., Settings], budget: int
) -> None:
    worker = CatalogWorker(fresh_settings(body_budget_mb=budget))
    worker.make_bank()
    chance = random.Random(budget)
    questions = [make_question(stem="x" * chance.randrange(10_000)) for _ in range(120)]
    worker.publish(*questions)
    worker.follow()
    access = worker.catalog.read_access(ANONYMOUS)

    async def read(chosen: list[Question]) -> ComposedQuestions:
        numbers = [question.number or 0 for question in chosen]
        composed = worker.catalog.compose_live(numbers, access, "markdown")
        return await composed if inspect.isawaitable(composed) else composed

    asyncio.run(worker.catalog.warm())
    live = list(questions)
    for round_number in range(25):
        for question in chance.sample(live, 10):
            question.revision += 1
            question.stem = f"round {round_number}"
        changed = [question for question in live if question.stem == f"round {round_number}"]
        added = [make_question() for _ in range(3)]
        worker.publish(*changed, *added)
        live += added
        gone = chance.sample(live, 2)
        worker.withdraw(*gone)
        live = [question for question in live if question not in gone]
        worker.follow()
        for count in (1, 10, 60):
            chosen = chance.sample(live, count)
            composed = asyncio.run(read(chosen))
            assert composed.items == [orjson.dumps(question.document) for question in chosen]
    worker.close()


def test_warming_loads_the_newest_bodies_first_until_the_budget_is_full(
    fresh_settings: Callable[..., Settings],
) -> None:
    worker = CatalogWorker(fresh_settings(body_budget_mb=1))
    worker.make_bank()
    questions = [make_question(stem="x" * 8_000) for _ in range(300)]
    worker.publish(*questions)
    questions[299].revision = 2
    worker.publish(questions[299])
    worker.follow()
    asyncio.run(worker.catalog.warm())
    worker.execute("DELETE FROM answers")
    worker.execute("UPDATE documents SET body = :body", body=b"{}")
    newest = worker.read("/v1/questions?limit=1")["items"][0]
    assert newest == questions[299].document
    cached = [
        question
        for question in questions
        if _compose(worker, [question], worker.catalog.read_access(ANONYMOUS)).items != [b"{}"]
    ]
    assert 100 < len(cached) < 140
    assert cached[-1] is questions[299]
    worker.close()
