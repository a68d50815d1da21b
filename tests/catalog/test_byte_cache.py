"""The cache of bodies within a budget of bytes, and the cache of values for one edition."""

from app.catalog.bodies.byte_cache import ENTRY_OVERHEAD_BYTES, ByteCache, body_key
from app.catalog.index.memo import Memo


def test_the_cache_stays_within_its_budget() -> None:
    cache: ByteCache[bytes] = ByteCache(10 * (ENTRY_OVERHEAD_BYTES + 100), len)
    body = b"x" * 100
    for number in range(1, 11):
        cache.put(body_key(number, 1), body)
    assert cache.get_many([body_key(number, 1) for number in range(1, 11)]) == [body] * 10
    for number in range(11, 200):
        cache.put(body_key(number, 1), body)
        assert cache.size <= 10 * (ENTRY_OVERHEAD_BYTES + 100)
    cached = [number for number in range(1, 200) if cache.get(body_key(number, 1))]
    # The oldest entries were evicted first; once the cache was full, one in four was admitted.
    assert len(cached) == 10
    assert cached[0] > 11
    assert cached == list(range(cached[0], 200, cached[1] - cached[0]))
    assert cache.get_many([body_key(cached[0], 1), body_key(cached[0], 2)]) == [body, None]


def test_a_value_larger_than_the_budget_is_not_cached() -> None:
    cache: ByteCache[bytes] = ByteCache(1000, len)
    cache.put(body_key(1, 1), b"x" * 1000)
    assert (cache.get(body_key(1, 1)), cache.size) == (None, 0)


def test_a_memo_evicts_the_least_recently_used_and_everything_of_another_stamp() -> None:
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
