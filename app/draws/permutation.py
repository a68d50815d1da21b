"""The seeded order of question numbers: a keyed bijection, described in docs/adr/0002."""

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
SPREAD_FACTOR = 0x9E3779B1

_WORD = np.dtype("<u4")
# Of a seed's words, two are terms of sums; four are factors, which have to be odd.
_LOWEST_BIT = np.array([0, 0, 1, 1, 1, 1], np.uint32)

# Constants are arrays without dimensions: numpy would convert scalars for each operation, and
# broadcast arrays of one word.
Words = npt.NDArray[np.uint32]


def bits_for(largest: int) -> int:
    """Return the smallest width, at least 16, with largest < 2^width; ValueError over 32."""
    bits = max(MIN_BITS, largest.bit_length())
    if largest < 0 or bits > MAX_BITS:
        message = f"question numbers lie between 0 and 2^{MAX_BITS} - 1"
        raise ValueError(message)
    return bits


@cache
def _mask_and_shift(bits: int) -> tuple[Words, Words]:
    """Return the mask of a width, and the shift of a fold: half the width, so it is invertible."""
    return np.array(2**bits - 1, np.uint32), np.array((bits + 1) // 2, np.uint32)


def _inverses(factors: Sequence[int]) -> list[int]:
    """Return the inverses of odd factors modulo 2^32, by one inversion of their product."""
    product = prod(factors)
    inverse = pow(product, -1, 2**MAX_BITS)
    return [inverse * (product // each) % 2**MAX_BITS for each in factors]


_SPREAD, _SPREAD_INVERSE = (
    np.array(word, np.uint32) for word in (SPREAD_FACTOR, *_inverses([SPREAD_FACTOR]))
)


def _multiply_and_fold(words: Words, factors: Sequence[Words], mask: Words, shift: Words) -> None:
    """Multiply by each factor and fold, in place: XOR the upper half of the bits into the lower."""
    scratch = np.empty_like(words)
    for factor in factors:
        np.multiply(words, factor, words)
        np.bitwise_and(words, mask, words)
        np.right_shift(words, shift, scratch)
        np.bitwise_xor(words, scratch, words)


def premix(numbers: Words, bits: int) -> Words:
    """Return the first step of mapping numbers below 2^bits: it separates neighbouring numbers.

    The result does not depend on the seed, so it can be cached for a set that is drawn from often.
    """
    return _premix(numbers, _SPREAD, bits)


def undo_premix(words: Words, bits: int) -> Words:
    """Return the numbers whose `premix` is `words`."""
    return _premix(words, _SPREAD_INVERSE, bits)


def _premix(numbers: Words, factor: Words, bits: int) -> Words:
    mask, shift = _mask_and_shift(bits)
    words = np.bitwise_xor(numbers, np.right_shift(numbers, shift))
    _multiply_and_fold(words, [factor], mask, shift)
    return words


class Permutation:
    """A bijection of [0, 2^bits) for each seed, the same on every machine and version.

    A sum, then products with folds between them, then a sum; each step can be inverted. The terms
    and factors come from a hash of the seed. The structure is that of the finalisers in
    https://nullprogram.com/blog/2018/07/31/. Not thread-safe: the arrays of terms and factors are
    overwritten for each seed.
    """

    def __init__(self, bits: int) -> None:
        """Permute numbers of `bits` bits, 16 to 32 (ValueError otherwise)."""
        if not MIN_BITS <= bits <= MAX_BITS:
            message = f"bits must lie between {MIN_BITS} and {MAX_BITS}"
            raise ValueError(message)
        self.bits = bits
        self._mask, self._shift = _mask_and_shift(bits)
        self._prefix = f"{ALGORITHM}\0{bits}\0".encode()
        self._keys = keys = np.zeros(len(_LOWEST_BIT), np.uint32)
        self._first_term, self._last_term = keys[0, ...], keys[1, ...]
        self._factors = [keys[at, ...] for at in range(2, len(_LOWEST_BIT))]
        self._inverse_keys = np.zeros(len(self._factors), np.uint32)
        self._inverse_factors = [self._inverse_keys[at, ...] for at in range(len(self._factors))]

    @property
    def size(self) -> int:
        """The number of values that it permutes: 2^bits."""
        return 1 << self.bits

    def forward(self, seed: str, words: Words) -> Words:
        """Return the positions of premixed numbers in a seed's order."""
        self._load_keys(seed)
        *factors, final = self._factors
        out = np.add(words, self._first_term)
        _multiply_and_fold(out, factors, self._mask, self._shift)
        np.multiply(out, final, out)
        np.add(out, self._last_term, out)
        return np.bitwise_and(out, self._mask, out)

    def inverse(self, seed: str, positions: Words) -> Words:
        """Return the premixed numbers at positions, all below 2^bits, in a seed's order."""
        self._load_keys(seed)
        self._inverse_keys[:] = _inverses(self._keys[2:].tolist())
        final, *factors = self._inverse_factors
        out = np.subtract(positions, self._last_term)
        _multiply_and_fold(out, factors[::-1], self._mask, self._shift)
        np.multiply(out, final, out)
        np.subtract(out, self._first_term, out)
        return np.bitwise_and(out, self._mask, out)

    def _load_keys(self, seed: str) -> None:
        digest = hashlib.blake2b(self._prefix + seed.encode()).digest()
        np.bitwise_or(np.frombuffer(digest, _WORD, len(_LOWEST_BIT)), _LOWEST_BIT, self._keys)
