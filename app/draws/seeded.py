"""Draws from a set in the order of a seed, going whichever way costs less. Pure."""

from collections.abc import Callable
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


def draw(members: BitMap, asked: Asked, words: Callable[[], Words] | None = None) -> Stretch:
    """Return the next members in a seed's order, whichever way costs less.

    Numbers that the order does not cover are passed over. Where many seeds draw from a set, `words`
    gives what `mapped` made of it.
    """
    order, wanted = asked.order, asked.wanted
    covered = members.rank(order.size - 1)
    if covered >= WALK_COST * _block(wanted, order.bits, covered):
        return walk(members, covered, asked)
    return map_all(members, mapped(members, order.bits) if words is None else words(), asked)


def mapped(members: BitMap, bits: int) -> Words:
    """Return what `mixed` makes of the members that orders below 2^bits cover, ascending."""
    numbers = np.frombuffer(members.to_array(), np.uint32)[: members.rank(2**bits - 1)]
    return mixed(numbers, bits)


def _block(count: int, bits: int, covered: int, sure: int = 1) -> int:
    """Return how many positions hold more than `count` members, within `sure` deviations."""
    return (count + 1 + sure * isqrt(count + 1)) * (1 << bits) // max(covered, 1)


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


def map_all(members: BitMap, words: Words, asked: Asked) -> Stretch:
    """Draw by mapping every member, of which `mapped` made words: quick where they are few."""
    order, seed, count, after = asked
    positions = order.forward(seed, words)
    last = order.size - 1
    span = _block(count, order.bits, len(words), SURE)
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
    position = positions.item(turn[-1]) if len(turn) else after
    numbers = [members[rank] for rank in ranks[turn].tolist()]
    return Stretch(numbers, position, len(ranks) > count)
