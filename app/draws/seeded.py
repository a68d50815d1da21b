"""Draws from a set in the order of a seed, by the cheaper of two methods. Pure functions."""

from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from app.draws.permutation import Permutation, Words, premix, undo_premix

# Walking over one position costs about as much as mapping this many members.
MEMBERS_PER_POSITION = 64
SPARE_POSITIONS = 16
# Positions of members are distributed as if by chance: a block that is this many standard
# deviations larger than expected nearly always contains enough members.
SAFE_DEVIATIONS = 3


class SeededPage(NamedTuple):
    """Consecutive members in a seeded order, the position of the last, and whether more follow."""

    numbers: list[int]
    position: int
    more: bool


class SeededRequest(NamedTuple):
    """A request for `limit` members (at least 1) in a seed's order, after a position."""

    order: Permutation
    seed: str
    limit: int
    after: int = -1


def draw_page(
    members: BitMap, request: SeededRequest, premixed: Callable[[], Words] | None = None
) -> SeededPage:
    """Return the next members in a seed's order.

    Numbers that the order does not cover are skipped. `premixed` may return a cached result of
    `premixed_members`; it is called only if it is needed.
    """
    order, count = request.order, request.limit
    covered = members.rank(order.size - 1)
    if covered >= MEMBERS_PER_POSITION * _block_size(count, order.bits, covered):
        return walk_positions(members, covered, request)
    words = premixed_members(members, order.bits) if premixed is None else premixed()
    return map_members(members, words, request)


def premixed_members(members: BitMap, bits: int) -> Words:
    """Return `premix` of the members that are below 2^bits, in ascending order of the members."""
    numbers = np.frombuffer(members.to_array(), np.uint32)[: members.rank(2**bits - 1)]
    return premix(numbers, bits)


def _block_size(count: int, bits: int, covered: int, deviations: int = 1) -> int:
    """Return how many positions are likely to contain more than `count` members."""
    return (count + 1 + deviations * isqrt(count + 1)) * (1 << bits) // max(covered, 1)


def walk_positions(members: BitMap, covered: int, request: SeededRequest) -> SeededPage:
    """Draw by testing the number at each position: quick if most numbers are members.

    `covered` is the number of members that the order covers; it only determines the block size.
    """
    order, seed, count, after = request
    found: list[int] = []
    position, start = after, after + 1
    while len(found) <= count and start < order.size:
        block = _block_size(count - len(found), order.bits, covered) + SPARE_POSITIONS
        stop = min(start + block, order.size)
        words = order.inverse(seed, np.arange(start, stop, dtype=np.uint32))
        numbers = undo_premix(words, order.bits).tolist()
        in_block = list(filter(members.__contains__, numbers))
        drawn = in_block[: count - len(found)]
        if drawn:
            position = start + numbers.index(drawn[-1])
        found += in_block
        start = stop
    return SeededPage(found[:count], position, len(found) > count)


def map_members(members: BitMap, words: Words, request: SeededRequest) -> SeededPage:
    """Draw by computing the position of every member: quick if there are few.

    `words` are the result of `premixed_members`.
    """
    order, seed, count, after = request
    positions = order.forward(seed, words)
    last = order.size - 1
    block = _block_size(count, order.bits, len(words), SAFE_DEVIATIONS)
    while True:
        high = min(after + block, last)
        in_block = positions <= high
        if after >= 0:
            in_block &= positions > after
        ranks = in_block.nonzero()[0]
        if len(ranks) > count or high == last:
            break
        block *= 2
    positions = positions[ranks]
    in_order = positions.argsort()[:count]
    position = positions.item(in_order[-1]) if len(in_order) else after
    numbers = [members[rank] for rank in ranks[in_order].tolist()]
    return SeededPage(numbers, position, len(ranks) > count)
