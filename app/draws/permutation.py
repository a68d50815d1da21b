"""The seeded order of question numbers: a keyed bijection, as docs/adr/0002 describes it."""

import hashlib
from functools import cached_property

import numpy as np
import numpy.typing as npt

ALGORITHM = "quizwell-draw-2"
MIN_BITS = 16
MAX_BITS = 32
ROUNDS = 5

Words = npt.NDArray[np.uint32]


def bits_for(largest: int) -> int:
    """Return the smallest width, at least 16, with largest < 2^width; ValueError over 32."""
    bits = max(MIN_BITS, largest.bit_length())
    if largest < 0 or bits > MAX_BITS:
        message = f"question numbers lie between 0 and 2^{MAX_BITS} - 1"
        raise ValueError(message)
    return bits


def _word(value: int) -> Words:
    # An array without dimensions: a scalar would be made one anew for each sum (measured: a third).
    return np.array(value, np.uint32)


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
        words = np.frombuffer(digest, dtype="<u4").tolist()
        self._keys = [(words[at], words[at + 1] | 1) for at in range(0, 2 * ROUNDS, 2)]
        self.bits = bits
        self._mask = _word(2**bits - 1)
        # At least half the width, so that doing it twice undoes it.
        self._shift = _word((bits + 1) // 2)

    @cached_property
    def _rounds(self) -> list[tuple[Words, Words]]:
        return [(_word(term), _word(factor)) for term, factor in self._keys]

    @cached_property
    def _undone(self) -> list[tuple[Words, Words]]:
        return [
            (_word(pow(factor, -1, 2**32)), _word(term)) for term, factor in reversed(self._keys)
        ]

    @property
    def size(self) -> int:
        """How many values it permutes: 2^bits."""
        return 1 << self.bits

    def forward(self, numbers: Words) -> Words:
        """Return the position of each number, all below 2^bits."""
        words, scratch = numbers.copy(), np.empty_like(numbers)
        mask, shift = self._mask, self._shift
        for term, factor in self._rounds:
            np.add(words, term, words)
            np.multiply(words, factor, words)
            np.bitwise_and(words, mask, words)
            np.right_shift(words, shift, scratch)
            np.bitwise_xor(words, scratch, words)
        return words

    def inverse(self, positions: Words) -> Words:
        """Return the number at each position, all below 2^bits."""
        words, scratch = positions.copy(), np.empty_like(positions)
        mask, shift = self._mask, self._shift
        for factor, term in self._undone:
            np.right_shift(words, shift, scratch)
            np.bitwise_xor(words, scratch, words)
            np.multiply(words, factor, words)
            np.subtract(words, term, words)
            np.bitwise_and(words, mask, words)
        return words
