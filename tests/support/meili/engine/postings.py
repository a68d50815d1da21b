"""Posting lists by word and by facet value; a draft copies only the lists that it changes."""

from collections.abc import Iterator, Mapping
from typing import Any

from pyroaring import BitMap

from tests.support.meili.engine.tokens import fold_facet

Key = str | float
NO_DOCUMENTS = BitMap()


class PostingLists:
    """The documents of each key."""

    def __init__(self, base: Mapping[Any, BitMap] | None = None) -> None:
        self.lists: dict[Any, BitMap] = dict(base or {})
        self._copied: set[Any] = set()

    def draft(self) -> "PostingLists":
        """Return a copy to change while the original is being read."""
        return PostingLists(self.lists)

    def get(self, key: Key) -> BitMap:
        return self.lists.get(key, NO_DOCUMENTS)

    def add(self, key: Key, number: int) -> None:
        self._writable(key).add(number)

    def discard(self, key: Key, number: int) -> None:
        documents = self._writable(key)
        documents.discard(number)
        if not documents:
            del self.lists[key]
            self._copied.discard(key)

    def change(self, key: Key, number: int, adding: bool) -> None:
        if adding:
            self.add(key, number)
        else:
            self.discard(key, number)

    def _writable(self, key: Key) -> BitMap:
        if key not in self._copied:
            self.lists[key] = BitMap(self.lists.get(key, NO_DOCUMENTS))
            self._copied.add(key)
        return self.lists[key]


class Facet:
    """The posting lists of one attribute that filters need.

    `states` has the keys `exists`, `null` and `empty`. `shown` maps each folded string to the
    spelling that facet counts show.
    """

    def __init__(self) -> None:
        self.strings = PostingLists()
        self.numbers = PostingLists()
        self.states = PostingLists()
        self.shown: dict[str, str] = {}

    def draft(self) -> "Facet":
        copied = Facet()
        copied.strings = self.strings.draft()
        copied.numbers = self.numbers.draft()
        copied.states = self.states.draft()
        copied.shown = dict(self.shown)
        return copied

    def change(self, number: int, values: list[Any], adding: bool) -> None:
        """Add or remove a document with all its values of the attribute."""
        for postings, key in self._unique_keys(values):
            postings.change(key, number, adding)

    def _unique_keys(self, values: list[Any]) -> Iterator[tuple[PostingLists, Key]]:
        seen: set[tuple[int, Key]] = set()
        for postings, key in self._keys(values):
            if (id(postings), key) not in seen:
                seen.add((id(postings), key))
                yield postings, key

    def _keys(self, values: list[Any]) -> Iterator[tuple[PostingLists, Key]]:
        yield self.states, "exists"
        for value in values:
            if value is None:
                yield self.states, "null"
            elif value in ("", [], {}):
                yield self.states, "empty"
            if isinstance(value, bool):
                yield self.strings, self._folded("true" if value else "false")
            elif isinstance(value, int | float):
                yield self.numbers, float(value)
            elif isinstance(value, str):
                yield self.strings, self._folded(value)

    def _folded(self, value: str) -> str:
        folded = fold_facet(value)
        self.shown.setdefault(folded, value)
        return folded


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each attribute with its value; attributes inside objects have dotted names."""
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}.")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for item in value:
                if isinstance(item, dict):
                    yield from leaves(item, f"{path}.")
        else:
            yield path, value


def flat_values(value: Any) -> list[Any]:
    """Return the single values in a value; an empty list is a value of its own."""
    if isinstance(value, list) and value:
        return [leaf for item in value for leaf in flat_values(item)]
    return [value]
