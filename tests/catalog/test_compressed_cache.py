"""Compressed bodies: the same bytes, within the budget, of large banks only."""

import asyncio
import inspect
import random
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.rights import ANONYMOUS
from app.catalog.bodies.byte_cache import key_of
from app.catalog.bodies.compressed_cache import LEAST_BUDGET, PackedCache, Packer, packed_cache
from app.core.settings import Settings
from tests.catalog.support import CatalogWorker, Question, make_question

MEBIBYTE = 1 << 20


def _body(number: int) -> bytes:
    options = [{"id": f"{number}-{place}", "text": f"{number * place} metres"} for place in "1234"]
    text = f"How far does a train number {number} go in {number % 97} minutes?"
    return orjson.dumps(
        {"number": number, "kind": "single_choice", "stem": text, "options": options}
    )


SAMPLE = [_body(number) for number in range(1, 1_000)]
PACKER = Packer(SAMPLE)


def _cache(budget: int = LEAST_BUDGET, largest: int = 1_000) -> PackedCache:
    return PackedCache(budget, largest, PACKER)


def _incompressible(number: int, size: int) -> bytes:
    return random.Random(number).randbytes(size)


@given(st.binary(max_size=5_000))
def test_any_bytes_come_back_as_they_were(body: bytes) -> None:
    cache = _cache()
    cache.put(key_of(1, 1), body)
    assert cache.many([key_of(1, 1), key_of(1, 2), key_of(2, 1)]) == [body, None, None]


def test_bodies_like_the_sample_take_a_part_of_their_size() -> None:
    cache = _cache(largest=10_000)
    before = cache.size
    bodies = [_body(number) for number in range(1, 10_001)]
    for number, body in enumerate(bodies, 1):
        cache.put(key_of(number, 1), body)
    assert cache.many([key_of(number, 1) for number in range(1, 10_001)]) == bodies
    assert cache.size - before < sum(map(len, bodies)) / 2


@given(
    st.lists(
        st.tuples(st.integers(1, 3_000), st.integers(1, 3), st.integers(0, 600_000)), max_size=60
    )
)
def test_what_is_kept_is_right_and_within_the_budget(puts: list[tuple[int, int, int]]) -> None:
    cache = _cache()
    for number, revision, size in puts:
        cache.put(key_of(number, revision), _incompressible(number * 4 + revision, size))
        assert cache.size <= LEAST_BUDGET
    for number, revision, _ in puts:
        sizes = [size for *pair, size in puts if pair == [number, revision]]
        made = [_incompressible(number * 4 + revision, size) for size in sizes]
        assert cache.many([key_of(number, revision)])[0] in [None, *made]


def test_when_there_is_no_room_what_came_first_goes_first() -> None:
    cache = _cache()
    body = _incompressible(1, 50_000)
    number = 0
    while cache.has_room(body):
        number += 1
        cache.put(key_of(number, 1), body)
    assert LEAST_BUDGET * 0.9 < cache.size <= LEAST_BUDGET
    assert cache.many([key_of(kept, 1) for kept in range(1, number + 1)]) == [body] * number
    for late in range(number + 1, number + 101):
        cache.put(key_of(late, 1), body)
    found = cache.many([key_of(kept, 1) for kept in range(1, number + 101)])
    assert found[0] is None
    assert found[number - 1] == body
    # Once something had to go, only some come in.
    assert 20 < sum(kept is not None for kept in found[number:]) < 30


def test_after_reading_ahead_the_newest_stay_longest() -> None:
    cache = _cache()
    body = _incompressible(1, 50_000)
    number = 1_000
    while cache.has_room(body):
        cache.put(key_of(number, 1), body)
        number -= 1
    cache.turn()
    for late in range(1_001, 1_051):
        cache.put(key_of(late, 1), body)
    found = cache.many([key_of(1_000, 1), key_of(number + 1, 1)])
    assert found == [body, None]


def test_a_later_revision_takes_the_place_of_an_earlier_one_and_keeps_it() -> None:
    cache = _cache()
    for revision in (2, 3, 1):
        cache.put(key_of(7, revision), b"%d" % revision)
    assert cache.many([key_of(7, 1), key_of(7, 2), key_of(7, 3)]) == [None, None, b"3"]


def test_more_numbers_than_were_foreseen_share_places() -> None:
    cache = _cache(largest=1)
    for number in range(1, 10_001):
        cache.put(key_of(number, 1), b"%d" % number)
    found = cache.many([key_of(number, 1) for number in range(1, 10_001)])
    assert found[-1] == b"10000"
    assert {body for body in found if body} <= {b"%d" % number for number in range(1, 10_001)}
    assert all(body in (None, b"%d" % number) for number, body in enumerate(found, 1))


def test_a_body_that_is_larger_than_the_budget_is_not_kept() -> None:
    cache = _cache()
    cache.put(key_of(1, 1), b"small")
    cache.put(key_of(2, 1), _incompressible(1, LEAST_BUDGET))
    assert cache.many([key_of(1, 1), key_of(2, 1)]) == [b"small", None]


@pytest.mark.parametrize(
    ("budget", "expected", "sample"),
    [
        (LEAST_BUDGET, LEAST_BUDGET, SAMPLE),
        (LEAST_BUDGET - 1, 100 * LEAST_BUDGET, SAMPLE),
        (LEAST_BUDGET, 100 * LEAST_BUDGET, [b"few"]),
        (LEAST_BUDGET, 100 * LEAST_BUDGET, []),
    ],
    ids=["everything fits", "a budget too small", "little to learn from", "nothing"],
)
def test_bodies_stay_as_they_are(budget: int, expected: int, sample: list[bytes]) -> None:
    assert packed_cache(budget, 1_000, expected, sample) is None


def test_a_bank_beyond_the_budget_is_kept_whole_and_follows_what_changes(
    fresh_settings: Callable[..., Settings],
) -> None:
    worker = CatalogWorker(fresh_settings(body_budget_mb=8))
    worker.make_bank()
    stem = "".join(random.Random(1).choices("abcdefgh ", k=8_000))
    questions = [make_question(stem=f"{number} {stem}") for number in range(1_500)]
    worker.publish(*questions)
    questions[5].revision = 2
    questions[5].tags = ("viva",)
    worker.publish(questions[5])
    worker.follow()
    asyncio.run(worker.catalog.warm())
    expected = [orjson.dumps(question.document) for question in questions]
    sql = "UPDATE documents SET body = :body"
    worker.execute("DELETE FROM answers")
    worker.execute(sql, body=b"{}")
    assert _items(worker, questions) == expected
    questions[9].revision = 2
    questions[9].tags = ("viva",)
    worker.publish(questions[9])
    worker.follow()
    expected[9] = orjson.dumps(questions[9].document)
    assert _items(worker, questions) == expected
    worker.execute(sql, body=b"{}")
    assert _items(worker, questions) == expected
    # The former revision is read again for whoever fixed it, beside the one that is live.
    questions[9].revision = 1
    assert _items(worker, questions[9:10]) == [b"{}"]
    questions[9].revision = 2
    assert _items(worker, questions) == expected
    worker.close()


def _items(worker: CatalogWorker, questions: list[Question]) -> list[bytes]:
    wanted = [key_of(question.number or 0, question.revision) for question in questions]
    reading = worker.catalog.reading(ANONYMOUS)

    async def compose() -> list[bytes]:
        made = worker.catalog.compose(wanted, reading, "markdown")
        return (await made if inspect.isawaitable(made) else made).items

    return asyncio.run(compose())
