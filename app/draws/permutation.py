"""The seeded order of question numbers: a keyed bijection, as docs/adr/0002 describes it."""

import hashlib
from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np
import numpy.typing as npt

ALGORITHM = "quizwell-draw-3"
MIN_BITS = 16
MAX_BITS = 32
# A prime near 2^32 over the golden ratio (Knuth, TAOCP 3, section 6.4).
SPREAD = 0x9E3779B1

_WORD = np.dtype("<u4")
# Two terms stay as they are, four factors are made odd.
_ODD = np.array([0, 0, 1, 1, 1, 1], np.uint32)

# Arrays: those without dimensions are single words. Scalars would be made arrays anew for each
# sum, and arrays of one word be spread out for it (measured: a third, a half).
Words = npt.NDArray[np.uint32]


def bits_for(largest: int) -> int:
    """Return the smallest width, at least 16, with largest < 2^width; ValueError over 32."""
    bits = max(MIN_BITS, largest.bit_length())
    if largest < 0 or bits > MAX_BITS:
        message = f"question numbers lie between 0 and 2^{MAX_BITS} - 1"
        raise ValueError(message)
    return bits


@cache
def _bounds(bits: int) -> tuple[Words, Words]:
    """Return the mask of a width, and its shift: half at least, so that a fold undoes itself."""
    return np.array(2**bits - 1, np.uint32), np.array((bits + 1) // 2, np.uint32)


def _undoing(factors: Sequence[int]) -> list[int]:
    """Return the words by which products with odd factors are undone, with one inversion."""
    product = prod(factors)
    inverse = pow(product, -1, 2**MAX_BITS)
    return [inverse * (product // each) % 2**MAX_BITS for each in factors]


_SPREAD, _GATHER = (np.array(word, np.uint32) for word in (SPREAD, *_undoing([SPREAD])))


def _stir(words: Words, factors: Sequence[Words], mask: Words, shift: Words) -> None:
    """Multiply by each factor and fold, in place: XOR the upper half of the bits into the lower."""
    scratch = np.empty_like(words)
    for factor in factors:
        np.multiply(words, factor, words)
        np.bitwise_and(words, mask, words)
        np.right_shift(words, shift, scratch)
        np.bitwise_xor(words, scratch, words)


def mixed(numbers: Words, bits: int) -> Words:
    """Return numbers, all below 2^bits, as the seeded orders take them: neighbours far apart.

    No seed has a part in it, so a set that many draw from is mixed once.
    """
    return _mixed(numbers, _SPREAD, bits)


def unmixed(words: Words, bits: int) -> Words:
    """Return the numbers of which `mixed` made the words."""
    return _mixed(words, _GATHER, bits)


def _mixed(numbers: Words, factor: Words, bits: int) -> Words:
    mask, shift = _bounds(bits)
    words = np.bitwise_xor(numbers, np.right_shift(numbers, shift))
    _stir(words, [factor], mask, shift)
    return words


class Permutation:
    """A bijection of [0, 2^bits) for each seed; the same on every machine, for ever.

    Products by odd words with folds between them, and a term before and behind, of which each can
    be undone; as in the finalisers of https://nullprogram.com/blog/2018/07/31/, with words of the
    seed's own. To be asked in one thread: it writes these words where those of another seed were.
    """

    def __init__(self, bits: int) -> None:
        """Permute numbers of `bits` bits, 16 to 32 (ValueError else)."""
        if not MIN_BITS <= bits <= MAX_BITS:
            message = f"bits must lie between {MIN_BITS} and {MAX_BITS}"
            raise ValueError(message)
        self.bits = bits
        self._mask, self._shift = _bounds(bits)
        self._prefix = f"{ALGORITHM}\0{bits}\0".encode()
        self._keys = keys = np.zeros(len(_ODD), np.uint32)
        self._first, self._last = keys[0, ...], keys[1, ...]
        self._factors = [keys[at, ...] for at in range(2, len(_ODD))]
        self._undoing = np.zeros(len(self._factors), np.uint32)
        self._undo = [self._undoing[at, ...] for at in range(len(self._factors))]

    @property
    def size(self) -> int:
        """How many values it permutes: 2^bits."""
        return 1 << self.bits

    def forward(self, seed: str, words: Words) -> Words:
        """Return the positions of numbers, of which `mixed` made the words, in a seed's order."""
        self._key(seed)
        *factors, final = self._factors
        out = np.add(words, self._first)
        _stir(out, factors, self._mask, self._shift)
        np.multiply(out, final, out)
        np.add(out, self._last, out)
        return np.bitwise_and(out, self._mask, out)

    def inverse(self, seed: str, positions: Words) -> Words:
        """Return what `mixed` makes of the numbers at positions, all below 2^bits."""
        self._key(seed)
        self._undoing[:] = _undoing(self._keys[2:].tolist())
        final, *factors = self._undo
        out = np.subtract(positions, self._last)
        _stir(out, factors[::-1], self._mask, self._shift)
        np.multiply(out, final, out)
        np.subtract(out, self._first, out)
        return np.bitwise_and(out, self._mask, out)

    def _key(self, seed: str) -> None:
        digest = hashlib.blake2b(self._prefix + seed.encode()).digest()
        np.bitwise_or(np.frombuffer(digest, _WORD, len(_ODD)), _ODD, self._keys)
