"""The cache of compressed bodies: the same bytes, within the budget, for large banks only."""

import asyncio
import inspect
import random
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.rights import ANONYMOUS
from app.catalog.bodies.byte_cache import body_key
from app.catalog.bodies.compressed_cache import (
    MIN_BUDGET_BYTES,
    BodyCompressor,
    CompressedCache,
    make_compressed_cache,
)
from app.core.settings import Settings
from tests.catalog.support import CatalogWorker, Question, make_question

MEBIBYTE = 1 << 20


def _body(number: int) -> bytes:
    options = [{"id": f"{number}-{index}", "text": f"{number * index} metres"} for index in "1234"]
    text = f"How far does a train number {number} go in {number % 97} minutes?"
    return orjson.dumps(
        {"number": number, "kind": "single_choice", "stem": text, "options": options}
    )


SAMPLE = [_body(number) for number in range(1, 1_000)]
COMPRESSOR = BodyCompressor(SAMPLE)


def _cache(budget: int = MIN_BUDGET_BYTES, largest: int = 1_000) -> CompressedCache:
    return CompressedCache(budget, largest, COMPRESSOR)


def _incompressible(number: int, size: int) -> bytes:
    return random.Random(number).randbytes(size)


@given(st.binary(max_size=5_000))
def test_any_bytes_are_returned_unchanged(body: bytes) -> None:
    cache = _cache()
    cache.put(body_key(1, 1), body)
    assert cache.get_many([body_key(1, 1), body_key(1, 2), body_key(2, 1)]) == [body, None, None]


def test_bodies_like_the_sample_take_less_than_half_of_their_size() -> None:
    cache = _cache(largest=10_000)
    before = cache.size
    bodies = [_body(number) for number in range(1, 10_001)]
    for number, body in enumerate(bodies, 1):
        cache.put(body_key(number, 1), body)
    assert cache.get_many([body_key(number, 1) for number in range(1, 10_001)]) == bodies
    assert cache.size - before < sum(map(len, bodies)) / 2


@given(
    st.lists(
        st.tuples(st.integers(1, 3_000), st.integers(1, 3), st.integers(0, 600_000)), max_size=60
    )
)
def test_cached_bodies_are_correct_and_within_the_budget(puts: list[tuple[int, int, int]]) -> None:
    cache = _cache()
    for number, revision, size in puts:
        cache.put(body_key(number, revision), _incompressible(number * 4 + revision, size))
        assert cache.size <= MIN_BUDGET_BYTES
    for number, revision, _ in puts:
        sizes = [size for *pair, size in puts if pair == [number, revision]]
        made = [_incompressible(number * 4 + revision, size) for size in sizes]
        assert cache.get_many([body_key(number, revision)])[0] in [None, *made]


def test_the_oldest_bodies_are_evicted_first() -> None:
    cache = _cache()
    body = _incompressible(1, 50_000)
    number = 0
    while cache.has_room(body):
        number += 1
        cache.put(body_key(number, 1), body)
    assert MIN_BUDGET_BYTES * 0.9 < cache.size <= MIN_BUDGET_BYTES
    assert cache.get_many([body_key(kept, 1) for kept in range(1, number + 1)]) == [body] * number
    for late in range(number + 1, number + 101):
        cache.put(body_key(late, 1), body)
    found = cache.get_many([body_key(kept, 1) for kept in range(1, number + 101)])
    assert found[0] is None
    assert found[number - 1] == body
    # Once the cache is full, one in four new bodies is admitted.
    assert 20 < sum(kept is not None for kept in found[number:]) < 30


def test_the_newest_questions_stay_longest_after_warming() -> None:
    cache = _cache()
    body = _incompressible(1, 50_000)
    number = 1_000
    while cache.has_room(body):
        cache.put(body_key(number, 1), body)
        number -= 1
    cache.reverse()
    for late in range(1_001, 1_051):
        cache.put(body_key(late, 1), body)
    found = cache.get_many([body_key(1_000, 1), body_key(number + 1, 1)])
    assert found == [body, None]


def test_a_later_revision_replaces_an_earlier_one_and_is_not_replaced_by_it() -> None:
    cache = _cache()
    for revision in (2, 3, 1):
        cache.put(body_key(7, revision), b"%d" % revision)
    assert cache.get_many([body_key(7, 1), body_key(7, 2), body_key(7, 3)]) == [None, None, b"3"]


def test_more_numbers_than_expected_share_slots() -> None:
    cache = _cache(largest=1)
    for number in range(1, 10_001):
        cache.put(body_key(number, 1), b"%d" % number)
    found = cache.get_many([body_key(number, 1) for number in range(1, 10_001)])
    assert found[-1] == b"10000"
    assert {body for body in found if body} <= {b"%d" % number for number in range(1, 10_001)}
    assert all(body in (None, b"%d" % number) for number, body in enumerate(found, 1))


def test_a_body_larger_than_the_budget_is_not_cached() -> None:
    cache = _cache()
    cache.put(body_key(1, 1), b"small")
    cache.put(body_key(2, 1), _incompressible(1, MIN_BUDGET_BYTES))
    assert cache.get_many([body_key(1, 1), body_key(2, 1)]) == [b"small", None]


@pytest.mark.parametrize(
    ("budget", "expected", "sample"),
    [
        (MIN_BUDGET_BYTES, MIN_BUDGET_BYTES, SAMPLE),
        (MIN_BUDGET_BYTES - 1, 100 * MIN_BUDGET_BYTES, SAMPLE),
        (MIN_BUDGET_BYTES, 100 * MIN_BUDGET_BYTES, [b"few"]),
        (MIN_BUDGET_BYTES, 100 * MIN_BUDGET_BYTES, []),
    ],
    ids=["everything fits", "the budget is too small", "the sample is too small", "no sample"],
)
def test_bodies_stay_uncompressed(budget: int, expected: int, sample: list[bytes]) -> None:
    assert make_compressed_cache(budget, 1_000, expected, sample) is None


def test_a_bank_beyond_the_budget_is_cached_completely_and_follows_changes(
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
    # An earlier revision, as in a quiz, is read again; it does not replace the live one.
    questions[9].revision = 1
    assert _items(worker, questions[9:10]) == [b"{}"]
    questions[9].revision = 2
    assert _items(worker, questions) == expected
    worker.close()


def _items(worker: CatalogWorker, questions: list[Question]) -> list[bytes]:
    keys = [body_key(question.number or 0, question.revision) for question in questions]
    access = worker.catalog.read_access(ANONYMOUS)

    async def compose() -> list[bytes]:
        composed = worker.catalog.compose(keys, access, "markdown")
        return (await composed if inspect.isawaitable(composed) else composed).items

    return asyncio.run(compose())
