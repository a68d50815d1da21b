"""Picks members of a bitmap: uniformly, or the first ones in a seeded order. Pure."""

import struct
from collections.abc import Callable
from itertools import islice
from math import isqrt
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from app.draws.permutation import Permutation

# A walk over `size` positions costs about as much as mapping members where
# members^2 = WALK_COST * count * size (measured).
WALK_COST = 24
SPARE = 16
# Positions lie as if by chance: within so many deviations there are nearly always enough.
SURE = 3
# Numbers are guessed where at least one in GUESSES is a member, else looked up by rank: in denser
# sets a bitmap keeps bit fields, which are slow to count through (measured: three times).
GUESSES = 16
WORD_BYTES = 8
WORDS = 2 ** (8 * WORD_BYTES)


class Stretch(NamedTuple):
    """Neighbours in a seeded order, the position of the last of them, and whether more follow."""

    numbers: list[int]
    position: int
    more: bool


def uniform(members: BitMap, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return `count` distinct members in random order, or all if there are fewer.

    Each ordered choice is equally likely; O(count) whatever the size of the set.
    """
    size = len(members)
    if size < 2 * count or not count:
        return _shuffle(members, min(count, size), random_bytes)
    space = 1 << members.max().bit_length()
    if size * GUESSES >= space:
        return _guess(members.__contains__, count, space, size, random_bytes)
    ranks = _guess(size.__gt__, count, 1 << size.bit_length(), size, random_bytes)
    return [members[rank] for rank in ranks]


def _guess(
    accepts: Callable[[int], bool],
    count: int,
    space: int,
    size: int,
    random_bytes: Callable[[int], bytes],
) -> list[int]:
    """Draw numbers below `space`, a power of two, until `count` different ones were accepted.

    `size` of them would be.
    """
    # A dictionary keeps the order in which its keys came.
    found: dict[int, None] = {}
    while (missing := count - len(found)) > 0:
        words = missing * space // size + SPARE
        drawn = memoryview(random_bytes(4 * words)).cast("I")
        accepted = filter(accepts, map((space - 1).__and__, drawn))
        found.update(dict.fromkeys(islice(accepted, missing)))
    return list(found)


def _shuffle(members: BitMap, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Shuffle the ranks, of which only the touched places exist (Durstenfeld, CACM 7(7), 1964)."""
    size = len(members)
    moved: dict[int, int] = {}
    ranks = []
    for place, offset in enumerate(_below(size, count, random_bytes)):
        chosen = place + offset
        ranks.append(moved.get(chosen, chosen))
        moved[chosen] = moved.get(place, place)
    return [members[rank] for rank in ranks]


def _below(size: int, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return a uniform whole number below size, then below size - 1, and so on, `count` of them."""
    words = struct.unpack(f"<{count}Q", random_bytes(WORD_BYTES * count))
    chosen = []
    for bound, first in zip(range(size, size - count, -1), words, strict=True):
        # The last incomplete run of `bound` words would favour small remainders.
        word, limit = first, WORDS - WORDS % bound
        while word >= limit:
            word = int.from_bytes(random_bytes(WORD_BYTES), "little")
        chosen.append(word % bound)
    return chosen


def seeded(members: BitMap, count: int, order: Permutation, after: int = -1) -> Stretch:
    """Return the next `count` members (at least 1) in the seeded order, behind position `after`.

    Numbers that the order does not cover are passed over. The way taken depends on what is
    cheaper, the answer does not.
    """
    covered = members.rank(order.size - 1)
    if WALK_COST * count * order.size < covered**2:
        return walk(members, count, order, after, covered)
    return map_all(members, count, order, after)


def walk(members: BitMap, count: int, order: Permutation, after: int, covered: int) -> Stretch:
    """Do as `seeded`, going through the positions: quick where many numbers are members.

    About so many of them are `covered` by the order, or it takes longer.
    """
    found: list[int] = []
    position, start = after, after + 1
    while len(found) <= count and start < order.size:
        rest = count + 1 - len(found)
        block = (rest + isqrt(rest)) * order.size // max(covered, 1) + SPARE
        stop = min(start + block, order.size)
        numbers = order.inverse(np.arange(start, stop, dtype=np.uint32)).tolist()
        here = list(filter(members.__contains__, numbers))
        kept = here[: count - len(found)]
        if kept:
            position = start + numbers.index(kept[-1])
        found += here
        start = stop
    return Stretch(found[:count], position, len(found) > count)


def map_all(members: BitMap, count: int, order: Permutation, after: int) -> Stretch:
    """Do as `seeded`, mapping every member: quick where few numbers are members."""
    numbers = np.frombuffer(members.to_array(), dtype=np.uint32)
    if len(numbers) and int(numbers[-1]) >= order.size:
        numbers = numbers[: numbers.searchsorted(np.uint32(order.size))]
    positions = order.forward(numbers)
    last = order.size - 1
    span = (count + 1 + SURE * isqrt(count + 1)) * order.size // max(len(numbers), 1)
    while True:
        high = min(after + span, last)
        near = positions <= np.uint32(high)
        if after >= 0:
            near &= positions > np.uint32(after)
        chosen = near.nonzero()[0]
        if len(chosen) > count or high == last:
            break
        span *= 2
    positions = positions[chosen]
    turn = positions.argsort()[:count]
    position = int(positions[turn[-1]]) if len(turn) else after
    return Stretch(numbers[chosen[turn]].tolist(), position, len(chosen) > count)
