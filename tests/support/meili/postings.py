"""Sets of documents by word and by facet value; a draft copies only what it changes."""

from collections.abc import Iterator, Mapping
from typing import Any

from pyroaring import BitMap

from tests.support.meili.tokens import fold_facet

Key = str | float
NOTHING = BitMap()


class Sets:
    """Documents by key."""

    def __init__(self, base: Mapping[Any, BitMap] | None = None) -> None:
        self.maps: dict[Any, BitMap] = dict(base or {})
        self._own: set[Any] = set()

    def draft(self) -> "Sets":
        """Return a copy that may be changed while the original is read."""
        return Sets(self.maps)

    def get(self, key: Key) -> BitMap:
        return self.maps.get(key, NOTHING)

    def add(self, key: Key, number: int) -> None:
        self._mine(key).add(number)

    def discard(self, key: Key, number: int) -> None:
        kept = self._mine(key)
        kept.discard(number)
        if not kept:
            del self.maps[key]
            self._own.discard(key)

    def change(self, key: Key, number: int, adding: bool) -> None:
        if adding:
            self.add(key, number)
        else:
            self.discard(key, number)

    def _mine(self, key: Key) -> BitMap:
        if key not in self._own:
            self.maps[key] = BitMap(self.maps.get(key, NOTHING))
            self._own.add(key)
        return self.maps[key]


class Facet:
    """What filters need of one attribute."""

    def __init__(self) -> None:
        self.strings = Sets()
        self.numbers = Sets()
        self.marks = Sets()
        self.shown: dict[str, str] = {}

    def draft(self) -> "Facet":
        copied = Facet()
        copied.strings = self.strings.draft()
        copied.numbers = self.numbers.draft()
        copied.marks = self.marks.draft()
        copied.shown = dict(self.shown)
        return copied

    def change(self, number: int, values: list[Any], adding: bool) -> None:
        """Add, or remove, a document with all its values of the attribute."""
        for sets, key in self._places(values):
            sets.change(key, number, adding)

    def _places(self, values: list[Any]) -> Iterator[tuple[Sets, Key]]:
        seen: set[tuple[int, Key]] = set()
        for sets, key in self._all_places(values):
            if (id(sets), key) not in seen:
                seen.add((id(sets), key))
                yield sets, key

    def _all_places(self, values: list[Any]) -> Iterator[tuple[Sets, Key]]:
        yield self.marks, "exists"
        for value in values:
            if value is None:
                yield self.marks, "null"
            elif value in ("", [], {}):
                yield self.marks, "empty"
            if isinstance(value, bool):
                yield self.strings, self._named("true" if value else "false")
            elif isinstance(value, int | float):
                yield self.numbers, float(value)
            elif isinstance(value, str):
                yield self.strings, self._named(value)

    def _named(self, value: str) -> str:
        folded = fold_facet(value)
        self.shown.setdefault(folded, value)
        return folded


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every attribute with its value, those inside objects by dotted names."""
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
    """Return the single values of an attribute; an empty list stands for itself."""
    if isinstance(value, list) and value:
        return [leaf for item in value for leaf in flat_values(item)]
    return [value]
