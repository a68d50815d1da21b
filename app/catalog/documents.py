"""Keeps the bytes of questions in memory, within a budget."""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

# What an entry takes beside its bytes: the key, its places in dictionary and queue, the allocator.
OVERHEAD = 200
REVISIONS = 1 << 32

V = TypeVar("V")


def key_of(number: int, revision: int) -> int:
    """Return the key of one revision."""
    return number * REVISIONS + revision


class ByteCache(Generic[V]):
    """Values by key, within a budget of bytes; what came first goes first.

    Nothing is moved at a hit: reading a body again costs less than keeping count of its use.
    """

    def __init__(self, budget: int) -> None:
        """Keep at most `budget` bytes."""
        self._budget = budget
        self._kept: dict[int, V] = {}
        self._order: deque[tuple[int, int]] = deque()
        self._size = 0

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

    def put(self, key: int, value: V, size: int) -> None:
        """Keep a value that takes `size` bytes."""
        size += OVERHEAD
        if size > self._budget or key in self._kept:
            return
        self._kept[key] = value
        self._order.append((key, size))
        self._size += size
        while self._size > self._budget:
            oldest, freed = self._order.popleft()
            del self._kept[oldest]
            self._size -= freed
