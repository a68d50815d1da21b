"""Keeps the bytes of questions in memory, within a budget."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

# What an entry takes beside its bytes: the key, its places in dictionary and queue, the allocator.
OVERHEAD = 160
REVISIONS = 1 << 32
# Where not everything fits, one in so many comes in: each lets another one go, which costs time.
ADMITTED = 4

V = TypeVar("V")


def key_of(number: int, revision: int) -> int:
    """Return the key of one revision."""
    return number * REVISIONS + revision


class ByteCache(Generic[V]):
    """Values by key, within a budget of bytes; what came first goes first.

    Nothing is moved at a hit: reading a body again costs less than keeping count of its use.
    """

    def __init__(self, budget: int, measure: Callable[[V], int]) -> None:
        """Keep at most `budget` bytes; `measure` tells how many a value takes."""
        self._budget = budget
        self._measure = measure
        self._kept: dict[int, V] = {}
        self._order: deque[int] = deque()
        self._size = 0
        self._is_full = False
        self._offered = 0

    @property
    def is_full(self) -> bool:
        """Whether something had to go, or would have."""
        return self._is_full

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

    def get(self, key: int) -> V | None:
        """Return the value of a key, where it is kept."""
        return self._kept.get(key)

    def many(self, wanted: Sequence[tuple[int, int]]) -> list[V | None]:
        """Return the values of (number, revision) pairs, None for each that is not kept."""
        kept = self._kept.get
        return [kept(number * REVISIONS + revision) for number, revision in wanted]

    def put(self, key: int, value: V) -> None:
        """Keep a value, or not: once everything did not fit, only some are taken."""
        if self._is_full:
            self._offered += 1
            if self._offered % ADMITTED:
                return
        size = self._measure(value) + OVERHEAD
        if size > self._budget or key in self._kept:
            return
        self._kept[key] = value
        self._order.append(key)
        self._size += size
        while self._size > self._budget:
            self._is_full = True
            self._size -= self._measure(self._kept.pop(self._order.popleft())) + OVERHEAD
