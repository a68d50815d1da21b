"""The seeded order of question numbers: a keyed bijection, as docs/adr/0002 describes it."""

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt

ALGORITHM = "quizwell-draw-2"
MIN_BITS = 16
MAX_BITS = 32
ROUNDS = 5

Words = npt.NDArray[np.uint32]

# Makes every other word odd.
_ODD = np.array([0, 1] * ROUNDS, np.uint32)


def bits_for(largest: int) -> int:
    """Return the smallest width, at least 16, with largest < 2^width; ValueError over 32."""
    bits = max(MIN_BITS, largest.bit_length())
    if largest < 0 or bits > MAX_BITS:
        message = f"question numbers lie between 0 and 2^{MAX_BITS} - 1"
        raise ValueError(message)
    return bits


@cache
def _bounds(bits: int) -> tuple[Words, Words]:
    """Return the mask of a width, and its shift: half at least, so that twice undoes it."""
    return np.array(2**bits - 1, np.uint32), np.array((bits + 1) // 2, np.uint32)


def _inverted(factor: Words) -> Words:
    return np.array(pow(int(factor), -1, 2**32), np.uint32)


class Permutation:
    """The bijection of [0, 2^bits) that a seed keys; the same on every machine, for ever.

    Sums, products by odd words and shifted differences, of which each can be undone; mixing as in
    the finalisers of https://nullprogram.com/blog/2018/07/31/, with words of the seed's own.
    """

    def __init__(self, seed: str, bits: int) -> None:
        """Key the rounds; `bits` is from 16 to 32 (ValueError else)."""
        if not MIN_BITS <= bits <= MAX_BITS:
            message = f"bits must lie between {MIN_BITS} and {MAX_BITS}"
            raise ValueError(message)
        digest = hashlib.sha512(f"{ALGORITHM}\0{bits}\0{seed}".encode()).digest()
        keys = np.frombuffer(digest, "<u4", 2 * ROUNDS) | _ODD
        # Arrays without dimensions: scalars would be made ones anew for each sum, and those of one
        # word be spread out for it (measured: a third, a half).
        words = [keys[at, ...] for at in range(2 * ROUNDS)]
        self._keys = list(zip(words[::2], words[1::2], strict=True))
        self._undone: list[tuple[Words, Words]] = []
        self.bits = bits
        self._mask, self._shift = _bounds(bits)

    @property
    def size(self) -> int:
        """How many values it permutes: 2^bits."""
        return 1 << self.bits

    def forward(self, numbers: Words) -> Words:
        """Return the position of each number, all below 2^bits."""
        words, out, scratch = numbers, np.empty_like(numbers), np.empty_like(numbers)
        mask, shift = self._mask, self._shift
        for term, factor in self._keys:
            np.add(words, term, out)
            words = out
            np.multiply(words, factor, words)
            np.bitwise_and(words, mask, words)
            np.right_shift(words, shift, scratch)
            np.bitwise_xor(words, scratch, words)
        return words

    def inverse(self, positions: Words) -> Words:
        """Return the number at each position, all below 2^bits."""
        words, scratch = positions.copy(), np.empty_like(positions)
        mask, shift = self._mask, self._shift
        self._undone = self._undone or [(_inverted(f), t) for t, f in reversed(self._keys)]
        for factor, term in self._undone:
            np.right_shift(words, shift, scratch)
            np.bitwise_xor(words, scratch, words)
            np.multiply(words, factor, words)
            np.subtract(words, term, words)
            np.bitwise_and(words, mask, words)
        return words
