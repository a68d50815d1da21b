"""Draws from a set in the order of a seed, going whichever way costs less. Pure."""

from math import isqrt
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from app.draws.permutation import Permutation, Words, mixed, unmixed

# A position that is walked over costs about as much as so many members that are mapped (measured).
WALK_COST = 64
SPARE = 16
# Positions lie as if by chance: within so many deviations there are nearly always enough.
SURE = 3


class Stretch(NamedTuple):
    """Neighbours in a seeded order, the position of the last of them, and whether more follow."""

    numbers: list[int]
    position: int
    more: bool


class Asked(NamedTuple):
    """So many members as are wanted (at least 1) in a seed's order, behind position `after`."""

    order: Permutation
    seed: str
    wanted: int
    after: int = -1


class Mapped(NamedTuple):
    """The members that orders below 2^bits cover, ascending, and what `mixed` makes of them."""

    numbers: Words
    words: Words


class Pool:
    """A set that is drawn from in the orders of many seeds, made ready for the cheaper way.

    Numbers that orders below 2^bits do not cover are passed over.
    """

    def __init__(self, members: BitMap, bits: int, count: int) -> None:
        """Take the set, which must not change; `count` (at least 1) members a time are drawn."""
        self._members = members
        self._count = count
        self._order = Permutation(bits)
        self._covered = members.rank(self._order.size - 1)
        is_sparse = self._covered < WALK_COST * _block(count, bits, self._covered)
        self._mapped = mapped(members, bits) if is_sparse else None

    @property
    def nbytes(self) -> int:
        """How much it takes beside the set."""
        return 0 if self._mapped is None else sum(part.nbytes for part in self._mapped)

    def draw(self, seed: str, after: int = -1) -> Stretch:
        """Return the next members in a seed's order, behind position `after`."""
        asked = Asked(self._order, seed, self._count, after)
        if self._mapped is None:
            return walk(self._members, self._covered, asked)
        return map_all(self._mapped, asked)


def mapped(members: BitMap, bits: int) -> Mapped:
    """Return what is mapped of a set."""
    numbers = np.frombuffer(members.to_array(), np.uint32)[: members.rank(2**bits - 1)]
    return Mapped(numbers, mixed(numbers, bits))


def _block(count: int, bits: int, covered: int) -> int:
    """Return how many positions probably hold more than `count` members."""
    return (count + 1 + isqrt(count + 1)) * (1 << bits) // max(covered, 1)


def walk(members: BitMap, covered: int, asked: Asked) -> Stretch:
    """Draw by going through the positions: quick where many numbers are members.

    About so many of them are `covered` by the order, or it takes longer.
    """
    order, seed, count, after = asked
    found: list[int] = []
    position, start = after, after + 1
    while len(found) <= count and start < order.size:
        block = _block(count - len(found), order.bits, covered) + SPARE
        stop = min(start + block, order.size)
        words = order.inverse(seed, np.arange(start, stop, dtype=np.uint32))
        numbers = unmixed(words, order.bits).tolist()
        here = list(filter(members.__contains__, numbers))
        kept = here[: count - len(found)]
        if kept:
            position = start + numbers.index(kept[-1])
        found += here
        start = stop
    return Stretch(found[:count], position, len(found) > count)


def map_all(members: Mapped, asked: Asked) -> Stretch:
    """Draw by mapping every member: quick where few numbers are members."""
    numbers, words = members
    order, seed, count, after = asked
    positions = order.forward(seed, words)
    last = order.size - 1
    span = (count + 1 + SURE * isqrt(count + 1)) * order.size // max(len(numbers), 1)
    while True:
        high = min(after + span, last)
        near = positions <= high
        if after >= 0:
            near &= positions > after
        ranks = near.nonzero()[0]
        if len(ranks) > count or high == last:
            break
        span *= 2
    positions = positions[ranks]
    turn = positions.argsort()[:count]
    position = int(positions[turn[-1]]) if len(turn) else after
    return Stretch(numbers[ranks[turn]].tolist(), position, len(ranks) > count)
