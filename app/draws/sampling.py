"""Picks members of a bitmap by chance. Pure."""

import struct
from collections.abc import Callable
from itertools import islice

from pyroaring import BitMap

SPARE = 16
# Numbers are guessed where at least one in GUESSES is a member, else looked up by rank: in denser
# sets a bitmap keeps bit fields, which are slow to count through (measured: three times).
GUESSES = 16
WORD_BYTES = 8
WORDS = 2 ** (8 * WORD_BYTES)


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
