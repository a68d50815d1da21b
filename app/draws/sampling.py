"""Picks members of a bitmap: uniformly, or the first ones in a seeded order. Pure."""

import struct
from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from app.draws.permutation import Permutation

# Asking the bitmap for one number costs about as much as mapping four members at once (measured).
LOOKUP_COST = 4
SPARE = 16
WORD_BYTES = 8
WORDS = 2 ** (8 * WORD_BYTES)


class Stretch(NamedTuple):
    """Members next to each other in a seeded order, the position of the last, whether more follow."""

    numbers: list[int]
    position: int
    more: bool


def uniform(members: BitMap, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return `count` distinct members, or all if there are fewer; each ordered choice equally likely.

    A Fisher-Yates shuffle of the ranks of which only the touched places exist (Durstenfeld,
    CACM 7(7), 1964): O(count) whatever the size of the set.
    """
    size = len(members)
    moved: dict[int, int] = {}
    ranks = []
    for place, offset in enumerate(_below(size, min(count, size), random_bytes)):
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
    if LOOKUP_COST * count * order.size < len(members) ** 2:
        return walk(members, count, order, after)
    return map_all(members, count, order, after)


def walk(members: BitMap, count: int, order: Permutation, after: int) -> Stretch:
    """Do as `seeded`, going through the positions: quick where many numbers are members."""
    wanted = count + 1
    found: list[tuple[int, int]] = []
    start = after + 1
    size = max(len(members), 1)
    while len(found) < wanted and start < order.size:
        rest = wanted - len(found)
        block = (rest + 2 * isqrt(rest)) * order.size // size + SPARE
        stop = min(start + block, order.size)
        positions = np.arange(stop - start, dtype=np.uint32) + np.uint32(start)
        numbers = order.inverse(positions).tolist()
        found += [
            (number, position)
            for position, number in enumerate(numbers, start)
            if number in members
        ]
        start = stop
    return _stretch(found, count, after)


def map_all(members: BitMap, count: int, order: Permutation, after: int) -> Stretch:
    """Do as `seeded`, mapping every member: quick where few numbers are members."""
    numbers = np.frombuffer(members.to_array(), dtype=np.uint32)
    if len(numbers) and int(numbers[-1]) >= order.size:
        numbers = numbers[: np.searchsorted(numbers, np.uint32(order.size))]
    positions = order.forward(numbers)
    if after >= 0:
        behind = positions > np.uint32(after)
        numbers, positions = numbers[behind], positions[behind]
    wanted = count + 1
    if len(positions) > wanted:
        near = positions <= np.partition(positions, wanted - 1)[wanted - 1]
        numbers, positions = numbers[near], positions[near]
    turn = np.argsort(positions)
    found = zip(numbers[turn].tolist(), positions[turn].tolist(), strict=True)
    return _stretch(list(found), count, after)


def _stretch(found: list[tuple[int, int]], count: int, after: int) -> Stretch:
    kept = found[:count]
    position = kept[-1][1] if kept else after
    return Stretch([number for number, _ in kept], position, len(found) > count)
