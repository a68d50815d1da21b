"""Finds the bodies of live revisions by number alone: the one step that most answers take."""

from array import array
from collections.abc import Sequence
from typing import Protocol

from app.catalog.bodies.byte_cache import places_for
from app.catalog.bodies.compressed_cache import PackedCache


class LiveBodies(Protocol):
    """Bodies of live revisions, as far as the cache behind it keeps them."""

    def of(self, numbers: Sequence[int]) -> list[bytes] | None:
        """Return the bodies of numbers, in order, where all of them are at hand."""

    def note(self, number: int, key: int, body: bytes) -> None:
        """Take note that the cache keeps the live revision of a number, under a key."""

    def forget(self, numbers: Sequence[int]) -> None:
        """Take note that other revisions of numbers are live now, or none."""

    def let_go(self) -> None:
        """Take note that the cache does not keep everything any more."""


class NoLive:
    """None, before bodies are read ahead."""

    def of(self, numbers: Sequence[int]) -> list[bytes] | None:  # noqa: ARG002 - the protocol's
        """Return None."""
        return None

    def note(self, number: int, key: int, body: bytes) -> None:
        """Do nothing."""

    def forget(self, numbers: Sequence[int]) -> None:
        """Do nothing."""

    def let_go(self) -> None:
        """Do nothing."""


class PlainLive:
    """Those that a cache keeps as they are; it must keep all of them."""

    def __init__(self, largest: int) -> None:
        """Have places for numbers that mostly are `largest` at most."""
        self._bodies: list[bytes | None] = [None] * places_for(largest)

    def of(self, numbers: Sequence[int]) -> list[bytes] | None:
        """Return the bodies of numbers, in order, where all of them are at hand."""
        try:
            bodies = list(map(self._bodies.__getitem__, numbers))
        except IndexError:
            return None
        return None if None in bodies else bodies  # type: ignore[return-value] # no None in it

    def note(self, number: int, key: int, body: bytes) -> None:  # noqa: ARG002 - the protocol's
        """Take note that the cache keeps the live revision of a number, under a key."""
        if number < len(self._bodies):
            self._bodies[number] = body

    def forget(self, numbers: Sequence[int]) -> None:
        """Take note that other revisions of numbers are live now, or none."""
        places = len(self._bodies)
        for number in numbers if places else ():
            if number < places:
                self._bodies[number] = None

    def let_go(self) -> None:
        """Hold nothing any more: what the budget lets go must not be held here."""
        self._bodies = []


class PackedLive:
    """Those that a cache keeps compressed."""

    def __init__(self, cache: PackedCache, largest: int) -> None:
        """Have places for numbers up to about `largest`."""
        self._cache = cache
        self._places = array("Q", bytes(8 * places_for(largest)))

    def of(self, numbers: Sequence[int]) -> list[bytes] | None:
        """Return the bodies of numbers, in order, where all of them are at hand."""
        try:
            return self._cache.at(map(self._places.__getitem__, numbers))
        except IndexError:
            return None

    def note(self, number: int, key: int, body: bytes) -> None:  # noqa: ARG002 - the protocol's
        """Take note that the cache keeps the live revision of a number, under a key."""
        if number < len(self._places):
            self._places[number] = self._cache.place(key)

    def forget(self, numbers: Sequence[int]) -> None:
        """Take note that other revisions of numbers are live now, or none."""
        places = len(self._places)
        for number in numbers:
            if number < places:
                self._places[number] = 0

    def let_go(self) -> None:
        """Do nothing: places that were given up lead nowhere."""
