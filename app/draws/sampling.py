"""Uniform random samples of a bitmap's members. Pure functions over a source of random bytes."""

import struct
from collections.abc import Callable
from itertools import islice

from pyroaring import BitMap

SPARE_WORDS = 16
# Random numbers are tested for membership if at least 1 in MAX_SPARSITY is a member. In sparser
# sets members are selected by rank: quick there, because a bitmap stores short arrays; in denser
# sets it stores bit fields, which are slow to count through.
MAX_SPARSITY = 16
WORD_BYTES = 8
WORD_VALUES = 2 ** (8 * WORD_BYTES)


def uniform_sample(members: BitMap, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return `count` distinct members in random order, or all if there are fewer.

    Each ordered selection is equally likely. The time is O(count) for any size of the set.
    """
    size = len(members)
    if size < 2 * count or not count:
        return _shuffled(members, min(count, size), random_bytes)
    space = 1 << members.max().bit_length()
    if size * MAX_SPARSITY >= space:
        return _accepted(members.__contains__, count, space, size, random_bytes)
    ranks = _accepted(size.__gt__, count, 1 << size.bit_length(), size, random_bytes)
    return [members[rank] for rank in ranks]


def _accepted(
    accepts: Callable[[int], bool],
    count: int,
    space: int,
    size: int,
    random_bytes: Callable[[int], bytes],
) -> list[int]:
    """Return `count` distinct random numbers below `space` that are accepted (rejection sampling).

    `space` is a power of two; `size` of its numbers would be accepted.
    """
    # A dictionary keeps the order in which its keys were added.
    found: dict[int, None] = {}
    while (missing := count - len(found)) > 0:
        words = missing * space // size + SPARE_WORDS
        numbers = memoryview(random_bytes(4 * words)).cast("I")
        accepted = filter(accepts, map((space - 1).__and__, numbers))
        found.update(dict.fromkeys(islice(accepted, missing)))
    return list(found)


def _shuffled(members: BitMap, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return the first `count` members of a random shuffle (Durstenfeld, CACM 7(7), 1964).

    Only the ranks that were swapped are stored.
    """
    size = len(members)
    swapped: dict[int, int] = {}
    ranks = []
    for index, offset in enumerate(_random_offsets(size, count, random_bytes)):
        chosen = index + offset
        ranks.append(swapped.get(chosen, chosen))
        swapped[chosen] = swapped.get(index, index)
    return [members[rank] for rank in ranks]


def _random_offsets(size: int, count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return `count` uniform whole numbers below `size`, `size` - 1, `size` - 2 and so on."""
    words = struct.unpack(f"<{count}Q", random_bytes(WORD_BYTES * count))
    offsets = []
    for bound, first in zip(range(size, size - count, -1), words, strict=True):
        # Words of the last, incomplete run of `bound` would favour small remainders.
        word, limit = first, WORD_VALUES - WORD_VALUES % bound
        while word >= limit:
            word = int.from_bytes(random_bytes(WORD_BYTES), "little")
        offsets.append(word % bound)
    return offsets
