"""A cache within a budget of bytes, and the keys of question bodies."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

# Bytes that an entry takes beside its value: the key, its slots in dictionary and queue, malloc.
ENTRY_OVERHEAD_BYTES = 160
REVISIONS_PER_NUMBER = 1 << 32
# Once the cache is full, one in four new entries is admitted: each evicts another, which costs
# time, and most would be evicted before they are read again.
ADMIT_ONE_IN = 4

# Arrays indexed by number have spare slots for new question numbers: at least SPARE_SLOTS, or
# 1/SPARE_SLOTS_DIVISOR of the largest number.
SPARE_SLOTS = 1_024
SPARE_SLOTS_DIVISOR = 4

V = TypeVar("V")


def body_key(number: int, revision: int) -> int:
    """Return the body key of a question revision: one whole number for both."""
    return number * REVISIONS_PER_NUMBER + revision


def number_and_revision(key: int) -> tuple[int, int]:
    """Return the number and the revision of a body key."""
    return divmod(key, REVISIONS_PER_NUMBER)


def slots_for(largest_number: int) -> int:
    """Return how many slots an array indexed by number should have."""
    return largest_number + 1 + max(SPARE_SLOTS, largest_number // SPARE_SLOTS_DIVISOR)


class CacheBudget:
    """Counts the bytes of a cache; decides which entries are admitted and in what order evicted."""

    def __init__(self, budget: int) -> None:
        """Allow at most `budget` bytes."""
        self._budget = budget
        self._size = 0
        self._eviction_order: deque[int] = deque()
        self._has_evicted = False
        self._offered = 0

    @property
    def size(self) -> int:
        """The number of bytes that the cache takes."""
        return self._size

    @property
    def has_evicted(self) -> bool:
        """Whether any entry was ever evicted, so that the cache may be incomplete."""
        return self._has_evicted

    def reverse(self) -> None:
        """Reverse the order of eviction.

        Bodies are loaded from the newest question to the oldest; the newest should stay longest.
        """
        self._eviction_order.reverse()

    def _admits(self) -> bool:
        """Return whether to admit the entry that is offered next."""
        if not self._has_evicted:
            return True
        self._offered += 1
        return not self._offered % ADMIT_ONE_IN


class ByteCache(CacheBudget, Generic[V]):
    """Values by key, within a budget of bytes; the oldest entry is evicted first.

    A hit does not move its entry: reading a body again costs less than tracking its use.
    """

    def __init__(self, budget: int, measure: Callable[[V], int]) -> None:
        """Allow at most `budget` bytes; `measure` returns the bytes of a value."""
        super().__init__(budget)
        self._measure = measure
        self._values: dict[int, V] = {}

    def get(self, key: int) -> V | None:
        """Return the value of a key, None if it is not cached."""
        return self._values.get(key)

    def get_many(self, keys: Sequence[int]) -> list[V | None]:
        """Return the values of keys, None for each that is not cached."""
        return list(map(self._values.get, keys))

    def has_room(self, value: V) -> bool:
        """Return whether a value fits without evicting another."""
        return self._size + self._measure(value) + ENTRY_OVERHEAD_BYTES <= self._budget

    def put(self, key: int, value: V) -> bool:
        """Offer a value to the cache; return whether it is cached afterwards."""
        if key in self._values:
            return True
        if not self._admits():
            return False
        size = self._measure(value) + ENTRY_OVERHEAD_BYTES
        if size > self._budget:
            return False
        self._values[key] = value
        self._eviction_order.append(key)
        self._size += size
        while self._size > self._budget:
            self._has_evicted = True
            evicted = self._values.pop(self._eviction_order.popleft())
            self._size -= self._measure(evicted) + ENTRY_OVERHEAD_BYTES
        return True
