"""Keeps the bytes of questions in memory, within a budget."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

# What an entry takes beside its bytes: the key, its places in dictionary and queue, the allocator.
OVERHEAD = 160
REVISIONS = 1 << 32
# Where not everything fits, one in so many comes in: each lets another one go, which costs time.
ADMITTED = 4

# Of places by number some are for questions yet to come: at least so many, or such a part.
ROOM = 1_024
ROOM_PART = 4

V = TypeVar("V")


def key_of(number: int, revision: int) -> int:
    """Return the key of one revision."""
    return number * REVISIONS + revision


def pair_of(key: int) -> tuple[int, int]:
    """Return the number and the revision of a key."""
    return divmod(key, REVISIONS)


def places_for(largest: int) -> int:
    """Return how many places numbers need that mostly are `largest` at most."""
    return largest + 1 + max(ROOM, largest // ROOM_PART)


class Budget:
    """How many bytes may be kept and how many are; what is let in, and in which order all goes."""

    def __init__(self, budget: int) -> None:
        """Keep at most `budget` bytes."""
        self._budget = budget
        self._size = 0
        self._order: deque[int] = deque()
        self._is_full = False
        self._offered = 0

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

    @property
    def is_full(self) -> bool:
        """Whether something ever had to go, so that not everything is kept."""
        return self._is_full

    def turn(self) -> None:
        """Let what came last go first: of what was read ahead, the newest is to stay longest."""
        self._order.reverse()

    def _admits(self) -> bool:
        """Return whether to take what is offered now: everything, until not everything fitted."""
        if not self._is_full:
            return True
        self._offered += 1
        return not self._offered % ADMITTED


class ByteCache(Budget, Generic[V]):
    """Values by key, within a budget of bytes; what came first goes first.

    Nothing is moved at a hit: reading a body again costs less than keeping count of its use.
    """

    def __init__(self, budget: int, measure: Callable[[V], int]) -> None:
        """Keep at most `budget` bytes; `measure` tells how many a value takes."""
        super().__init__(budget)
        self._measure = measure
        self._kept: dict[int, V] = {}

    def get(self, key: int) -> V | None:
        """Return the value of a key, where it is kept."""
        return self._kept.get(key)

    def many(self, keys: Sequence[int]) -> list[V | None]:
        """Return the values of keys, None for each that is not kept."""
        return list(map(self._kept.get, keys))

    def has_room(self, value: V) -> bool:
        """Return whether nothing has to go for a value."""
        return self._size + self._measure(value) + OVERHEAD <= self._budget

    def put(self, key: int, value: V) -> bool:
        """Keep a value, or not: once everything did not fit, only some are taken.

        Return whether it is kept now.
        """
        if key in self._kept:
            return True
        if not self._admits():
            return False
        size = self._measure(value) + OVERHEAD
        if size > self._budget:
            return False
        self._kept[key] = value
        self._order.append(key)
        self._size += size
        while self._size > self._budget:
            self._is_full = True
            self._size -= self._measure(self._kept.pop(self._order.popleft())) + OVERHEAD
        return True
