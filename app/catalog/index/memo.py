"""Remembers what was made of a request, until the edition moves."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """The values used last under one stamp; another stamp drops them all.

    A stamp is an object, such as the catalog's `mark`, and only itself: another one that is equal
    may be that of another history. At most `entries` values, of `budget` bytes together where
    sizes are told.
    """

    __slots__ = ("_budget", "_entries", "_kept", "_size", "_stamp")

    def __init__(self, entries: int, budget: int = 0) -> None:
        """Remember nothing yet; a budget of 0 is none."""
        self._entries = entries
        self._budget = budget
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0
        self._stamp: object = None

    def get(self, stamp: object, key: K) -> V | None:
        """Return what was kept for `key` under this very stamp."""
        if stamp is not self._stamp:
            return None
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, stamp: object, key: K, value: V, size: int = 0) -> None:
        """Keep `value`, which takes `size` bytes, in place of what was used longest ago."""
        if stamp is not self._stamp:
            self._kept.clear()
            self._size = 0
        self._stamp = stamp
        former = self._kept.pop(key, None)
        if former is not None:
            self._size -= former[1]
        if self._budget and size > self._budget:
            return
        self._kept[key] = (value, size)
        self._size += size
        while len(self._kept) > self._entries or (self._budget and self._size > self._budget):
            _, (_, freed) = self._kept.popitem(last=False)
            self._size -= freed
