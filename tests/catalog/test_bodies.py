"""Bodies: within their budget in memory, else from the database, always the same bytes."""

import asyncio
import inspect
import random
from collections.abc import Callable

import orjson
import pytest

from app.access.rights import ANONYMOUS, AnswerRight, Caller
from app.catalog.bodies.byte_cache import OVERHEAD, ByteCache, key_of
from app.catalog.bodies.composer import Composed
from app.catalog.index.memo import Memo
from app.catalog.service import Reading
from app.core.errors import Problem
from app.core.settings import Settings
from tests.catalog.support import ADMIN, Question, Shelf, make_question


def _compose(
    shelf: Shelf, questions: list[Question], reading: Reading, text: str = "markdown"
) -> Composed:
    wanted = [key_of(question.number or 0, question.revision) for question in questions]

    async def compose() -> Composed:
        made = shelf.catalog.compose(wanted, reading, text)
        return await made if inspect.isawaitable(made) else made

    return asyncio.run(compose())


@pytest.mark.parametrize("budget", [0, 1])
def test_items_are_the_published_bytes_in_the_order_asked(
    fresh_settings: Callable[..., Settings], budget: int
) -> None:
    shelf = Shelf(fresh_settings(body_budget_mb=budget))
    shelf.make_bank()
    questions = [make_question(stem="x" * 8_000) for _ in range(150)]
    shelf.publish(*questions)
    old = questions[0].document
    questions[0].revision = 2
    shelf.publish(questions[0])
    shelf.follow()
    reading = shelf.catalog.reading(ANONYMOUS)
    chance = random.Random(budget)
    for count in (1, 7, 40, 150):
        chosen = chance.sample(questions, count)
        composed = _compose(shelf, chosen, reading)
        assert composed.items == [orjson.dumps(question.document) for question in chosen]
    # A former revision stays there for whoever fixed it.
    questions[0].revision = 1
    assert _compose(shelf, questions[:1], reading).items == [orjson.dumps(old)]
    shelf.close()


def test_what_was_read_once_is_answered_without_the_database(shelf: Shelf) -> None:
    question = make_question()
    shelf.publish(question)
    shelf.follow()
    reading = shelf.catalog.reading(ANONYMOUS)
    first = _compose(shelf, [question], reading)
    shelf.execute("DELETE FROM answers")
    shelf.execute("UPDATE documents SET body = :body", body=b"{}")
    again = shelf.catalog.compose([key_of(question.number or 0, 1)], reading, "markdown")
    assert again == first


def test_a_body_that_is_gone_is_a_503_that_says_when_to_come_back(shelf: Shelf) -> None:
    question = make_question()
    shelf.publish(question)
    shelf.follow()
    question.revision = 7
    with pytest.raises(Problem) as caught:
        _compose(shelf, [question], shelf.catalog.reading(ANONYMOUS))
    assert caught.value.code == "not_caught_up"
    assert "Retry-After" in caught.value.headers


def test_answers_come_only_with_a_right_that_covers_their_bank(shelf: Shelf) -> None:
    shelf.make_bank("closed", read="restricted", answers="restricted")
    shelf.make_bank("silent", answers="restricted")
    opened, silent = make_question(), make_question(bank="silent")
    shelf.publish(opened, silent)
    shelf.follow()
    right = shelf.catalog.reading(ANONYMOUS, answers=True)
    assert right.banks == {"science"}
    for text_format in ("markdown", "html", "nodes"):
        assert b'"explanation":' in _compose(shelf, [opened], right, text_format).items[0]
        with pytest.raises(Problem) as caught:
            _compose(shelf, [opened, silent], right, text_format)
        assert caught.value.code == "answers_not_allowed"
    with pytest.raises(TypeError):
        AnswerRight(frozenset({"silent"}), object())
    with pytest.raises(Problem):
        shelf.catalog.reading(ANONYMOUS, ["silent"], answers=True)
    assert _compose(shelf, [silent], shelf.catalog.reading(ADMIN, ["silent"], answers=True)).items


def test_answers_by_route(shelf: Shelf) -> None:
    shelf.make_bank("silent", answers="restricted")
    opened, silent = make_question(), make_question(bank="silent")
    shelf.publish(opened, silent)
    shelf.follow()
    told = shelf.read("/v1/questions?answers=true")
    assert [item["id"] for item in told["items"]] == [str(opened.id)]
    assert told["items"][0]["answer"] == {"value": True}
    assert shelf.refusal("/v1/questions?answers=true&bank=silent").code == "answers_not_allowed"
    assert shelf.refusal(f"/v1/questions/{silent.id}?answers=true").code == "answers_not_allowed"
    assert shelf.read(f"/v1/questions/{silent.id}") == silent.document
    assert shelf.read("/v1/questions?answers=true", ADMIN)["total"] == 2
    assert shelf.refusal("/v1/changes?answers=true&bank=silent").code == "answers_not_allowed"
    shelf.execute("UPDATE banks SET answers = 'restricted'")
    shelf.execute("UPDATE clock SET config_version = config_version + 1")
    shelf.follow()
    assert shelf.refusal("/v1/questions?answers=true").code == "answers_not_allowed"


def test_how_answers_may_be_kept(shelf: Shelf) -> None:
    shelf.make_bank("silent", answers="restricted")
    opened, silent = make_question(), make_question(bank="silent")
    shelf.publish(opened, silent)
    shelf.follow()

    def control(address: str, caller: Caller) -> bytes:
        return dict(shelf.get(address, caller).headers)[b"cache-control"]

    for address in ("/v1/questions", f"/v1/questions/{silent.id}", "/v1/changes", "/v1/facets"):
        assert control(address, ANONYMOUS) == b"public, max-age=60"
        assert control(address, ADMIN) == b"private, no-cache"
    assert control("/v1/questions?answers=true", ANONYMOUS) == b"public, max-age=60"
    assert control("/v1/questions?answers=true&bank=science", ADMIN) == b"private, no-cache"
    for address in (
        "/v1/questions?answers=true",
        f"/v1/questions/{silent.id}?answers=true",
        "/v1/changes?answers=true",
    ):
        reply = shelf.get(address, ADMIN)
        assert dict(reply.headers)[b"cache-control"] == b"no-store"
        assert b"etag" not in dict(reply.headers)


def test_an_etag_answers_304_until_the_bytes_change(shelf: Shelf) -> None:
    question = make_question()
    shelf.publish(question)
    shelf.follow()
    for address in ("/v1/questions", f"/v1/questions/{question.id}", "/v1/tags"):
        first = shelf.get(address)
        etag = dict(first.headers)[b"etag"]
        again = shelf.get(address, headers={b"if-none-match": etag})
        assert (again.status, again.body) == (304, b"")
        assert dict(again.headers)[b"etag"] == etag
        question.revision += 1
        question.tags = ("viva",) if question.tags == () else ()
        shelf.publish(question)
        shelf.follow()
        assert shelf.get(address, headers={b"if-none-match": etag}).status == 200


@pytest.mark.parametrize("query", ["bogus=1", "answers=perhaps", "format=pdf&answers=true"])
def test_what_is_not_there_is_refused_first_whatever_the_parameters(
    shelf: Shelf, query: str
) -> None:
    question = make_question()
    shelf.publish(question)
    shelf.follow()
    unknown = "01a212d9-09c2-7c02-85fe-000000000000"
    for absent in (unknown, "no-id"):
        assert shelf.refusal(f"/v1/questions/{absent}?{query}").code == "not_found"
    assert shelf.refusal(f"/v1/questions/{unknown}?format=%FF").code == "malformed_request"
    assert shelf.refusal(f"/v1/questions/{question.id}?bogus=1").code == "invalid_request"


@pytest.mark.parametrize("budget", [0, 1, 64])
def test_what_is_live_is_given_as_it_is_now_whatever_was_kept(
    fresh_settings: Callable[..., Settings], budget: int
) -> None:
    shelf = Shelf(fresh_settings(body_budget_mb=budget))
    shelf.make_bank()
    chance = random.Random(budget)
    questions = [make_question(stem="x" * chance.randrange(10_000)) for _ in range(120)]
    shelf.publish(*questions)
    shelf.follow()
    reading = shelf.catalog.reading(ANONYMOUS)

    async def read(wanted: list[Question]) -> Composed:
        numbers = [question.number or 0 for question in wanted]
        made = shelf.catalog.compose_live(numbers, reading, "markdown")
        return await made if inspect.isawaitable(made) else made

    asyncio.run(shelf.catalog.warm())
    live = list(questions)
    for turn in range(25):
        for question in chance.sample(live, 10):
            question.revision += 1
            question.stem = f"turn {turn}"
        changed = [question for question in live if question.stem == f"turn {turn}"]
        added = [make_question() for _ in range(3)]
        shelf.publish(*changed, *added)
        live += added
        gone = chance.sample(live, 2)
        shelf.withdraw(*gone)
        live = [question for question in live if question not in gone]
        shelf.follow()
        for count in (1, 10, 60):
            chosen = chance.sample(live, count)
            composed = asyncio.run(read(chosen))
            assert composed.items == [orjson.dumps(question.document) for question in chosen]
    shelf.close()


def test_a_cache_of_bytes_stays_within_its_budget() -> None:
    cache: ByteCache[bytes] = ByteCache(10 * (OVERHEAD + 100), len)
    body = b"x" * 100
    for number in range(1, 11):
        cache.put(key_of(number, 1), body)
    assert cache.many([key_of(number, 1) for number in range(1, 11)]) == [body] * 10
    for number in range(11, 200):
        cache.put(key_of(number, 1), body)
        assert cache.size <= 10 * (OVERHEAD + 100)
    kept = [number for number in range(1, 200) if cache.get(key_of(number, 1))]
    # What came first went first, and of what does not fit only some come in.
    assert len(kept) == 10
    assert kept[0] > 11
    assert kept == list(range(kept[0], 200, kept[1] - kept[0]))
    assert cache.many([key_of(kept[0], 1), key_of(kept[0], 2)]) == [body, None]


def test_a_cache_of_bytes_refuses_what_is_larger_than_its_budget() -> None:
    cache: ByteCache[bytes] = ByteCache(1000, len)
    cache.put(key_of(1, 1), b"x" * 1000)
    assert (cache.get(key_of(1, 1)), cache.size) == (None, 0)


def test_a_memo_forgets_what_is_old_and_everything_of_another_stamp() -> None:
    first, second = object(), object()
    memo: Memo[str, int] = Memo(2, 10)
    memo.put(first, "a", 1, 4)
    memo.put(first, "b", 2, 4)
    assert memo.get(first, "a") == 1
    memo.put(first, "c", 3, 4)
    assert [memo.get(first, key) for key in "abc"] == [1, None, 3]
    memo.put(first, "d", 4, 9)
    assert [memo.get(first, key) for key in "acd"] == [None, None, 4]
    memo.put(first, "e", 5, 11)
    assert memo.get(first, "e") is None
    assert memo.get(second, "d") is None
    memo.put(second, "a", 6)
    assert memo.get(first, "d") is None
    assert memo.get(second, "a") == 6


def test_warming_reads_ahead_the_newest_first_until_the_budget_is_full(
    fresh_settings: Callable[..., Settings],
) -> None:
    shelf = Shelf(fresh_settings(body_budget_mb=1))
    shelf.make_bank()
    questions = [make_question(stem="x" * 8_000) for _ in range(300)]
    shelf.publish(*questions)
    questions[299].revision = 2
    shelf.publish(questions[299])
    shelf.follow()
    asyncio.run(shelf.catalog.warm())
    shelf.execute("DELETE FROM answers")
    shelf.execute("UPDATE documents SET body = :body", body=b"{}")
    newest = shelf.read("/v1/questions?limit=1")["items"][0]
    assert newest == questions[299].document
    kept = [
        question
        for question in questions
        if _compose(shelf, [question], shelf.catalog.reading(ANONYMOUS)).items != [b"{}"]
    ]
    assert 100 < len(kept) < 140
    assert kept[-1] is questions[299]
    shelf.close()
