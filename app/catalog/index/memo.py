"""A cache of results that are valid for one edition only."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """An LRU cache whose entries belong to one stamp; another stamp evicts them all.

    A stamp is an object, such as the catalog's `mark`, and is compared by identity: an equal mark
    may belong to another history. The cache holds at most `entries` values and, where callers tell
    their sizes, `budget` bytes.
    """

    __slots__ = ("_budget", "_entries", "_size", "_stamp", "_values")

    def __init__(self, entries: int, budget: int = 0) -> None:
        """Start empty; without a budget sizes do not count."""
        self._entries = entries
        self._budget = budget
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0
        self._stamp: object = None

    def get(self, stamp: object, key: K) -> V | None:
        """Return the value that is cached for `key` under this stamp."""
        if stamp is not self._stamp:
            return None
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, stamp: object, key: K, value: V, size: int = 0) -> None:
        """Cache `value`, which has `size` bytes; evict the least recently used values."""
        if stamp is not self._stamp:
            self._values.clear()
            self._size = 0
        self._stamp = stamp
        former = self._values.pop(key, None)
        if former is not None:
            self._size -= former[1]
        if self._budget and size > self._budget:
            return
        self._values[key] = (value, size)
        self._size += size
        while len(self._values) > self._entries or (self._budget and self._size > self._budget):
            _, (_, freed) = self._values.popitem(last=False)
            self._size -= freed
