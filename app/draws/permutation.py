"""The seeded order of question numbers: a Feistel network, as docs/adr/0002 describes it."""

import hashlib

import numpy as np
import numpy.typing as npt

ALGORITHM = "quizwell-draw-1"
MIN_BITS = 16
MAX_BITS = 32
ROUNDS = 8

Words = npt.NDArray[np.uint32]

_FIRST_FACTOR = np.uint32(0x7FEB352D)
_SECOND_FACTOR = np.uint32(0x846CA68B)
_FOLD = np.uint32(15)


def bits_for(largest: int) -> int:
    """Return the smallest even width, at least 16, with largest < 2^width; ValueError over 32."""
    bits = max(MIN_BITS, largest.bit_length() + largest.bit_length() % 2)
    if largest < 0 or bits > MAX_BITS:
        message = f"question numbers lie between 0 and 2^{MAX_BITS} - 1"
        raise ValueError(message)
    return bits


class Permutation:
    """The bijection of [0, 2^bits) that a seed keys; the same on every machine, for ever.

    The factors are those of lowbias32 (https://nullprogram.com/blog/2018/07/31/).
    """

    __slots__ = ("_cut", "_half", "_keys", "_mask", "bits")

    def __init__(self, seed: str, bits: int) -> None:
        """Key the network; `bits` is even, from 16 to 32 (ValueError else)."""
        if bits % 2 or not MIN_BITS <= bits <= MAX_BITS:
            message = f"bits must be even, from {MIN_BITS} to {MAX_BITS}"
            raise ValueError(message)
        digest = hashlib.sha256(f"{ALGORITHM}\0{bits}\0{seed}".encode()).digest()
        self.bits = bits
        self._keys = list(np.frombuffer(digest, dtype="<u4").astype(np.uint32))
        self._half = np.uint32(bits // 2)
        self._cut = np.uint32(32 - bits // 2)
        self._mask = np.uint32(2 ** (bits // 2) - 1)

    @property
    def size(self) -> int:
        """How many values it permutes: 2^bits."""
        return 1 << self.bits

    def forward(self, numbers: Words) -> Words:
        """Return the position of each number, all below 2^bits."""
        left, right = numbers >> self._half, numbers & self._mask
        scratch, folded = np.empty_like(left), np.empty_like(left)
        for key in self._keys:
            left ^= self._mixed(right, key, scratch, folded)
            left, right = right, left
        left <<= self._half
        left |= right
        return left

    def inverse(self, positions: Words) -> Words:
        """Return the number at each position, all below 2^bits."""
        left, right = positions >> self._half, positions & self._mask
        scratch, folded = np.empty_like(left), np.empty_like(left)
        for key in reversed(self._keys):
            right ^= self._mixed(left, key, scratch, folded)
            left, right = right, left
        left <<= self._half
        left |= right
        return left

    def _mixed(self, half: Words, key: np.uint32, scratch: Words, folded: Words) -> Words:
        np.add(half, key, out=scratch)
        scratch *= _FIRST_FACTOR
        np.right_shift(scratch, _FOLD, out=folded)
        scratch ^= folded
        scratch *= _SECOND_FACTOR
        scratch >>= self._cut
        return scratch
