"""Pure: which words of a vocabulary lie within a few edits of another, all compared at once."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# One edit is forgiven from here on, two from there on, as in other engines.
ONE_EDIT_FROM = 5
TWO_EDITS_FROM = 9
# A word that no question holds is taken for a misspelling somewhat earlier.
UNKNOWN_ONE_EDIT_FROM = 4
UNKNOWN_TWO_EDITS_FROM = 8
LONGEST = 32
# After so many letters, words that are too far already are compared no further.
PRUNED_AFTER = (3, 5, 8)
FAR = np.int8(100)
ONE = np.int8(1)

_Edits: TypeAlias = NDArray[np.int8]


def most_edits(word: str, *, known: bool) -> int:
    """Return how many edits are forgiven in a word; none where digits or signs stand in it."""
    if not word.isalpha() or len(word) > LONGEST:
        return 0
    one, two = (ONE_EDIT_FROM, TWO_EDITS_FROM)
    if not known:
        one, two = (UNKNOWN_ONE_EDIT_FROM, UNKNOWN_TWO_EDITS_FROM)
    return (len(word) >= one) + (len(word) >= two)


class Column:
    """Words that start with the same letter, laid out so that one step compares them all."""

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words, in order; longer ones than 32 letters are left out."""
        self.words = [word for word in words if len(word) <= LONGEST]
        self.lengths = np.fromiter(map(len, self.words), np.int16, len(self.words))
        width = int(self.lengths.max(initial=0))
        # As UTF-32 each letter is one number; transposed, a step reads neighbouring memory.
        flat = np.array(self.words, dtype=f"<U{max(width, 1)}").view(np.uint32)
        self.letters = np.ascontiguousarray(
            flat.reshape(len(self.words), max(width, 1)).T, dtype=np.uint32
        )


def nearest(word: str, column: Column, most: int, *, prefix: bool) -> Iterator[tuple[str, int]]:
    """Yield (other word, edits) for those within `most` edits.

    An edit is a letter changed, added or left out, or two that swapped places (optimal string
    alignment). With `prefix` it is enough that the other word's beginning lies so near.
    """
    length = len(word)
    fits = column.lengths >= length - most
    if not prefix:
        fits &= column.lengths <= length + most
    places = np.flatnonzero(fits)
    if not places.size:
        return
    width = min(length + most, column.letters.shape[0])
    letters = column.letters[:width, places]
    codes = [ord(letter) for letter in word]
    # Row by row, and of each only what lies within `most` of the diagonal: the rest is further.
    before: dict[int, _Edits] = {}
    row = {at: np.full(places.size, at, np.int8) for at in range(min(most, width) + 1)}
    for step in range(1, length + 1):
        before, row = row, _next_row(codes[:step], letters, row, before, most)
        if step in PRUNED_AFTER:
            kept = np.flatnonzero(_least(row) <= most)
            if not kept.size:
                return
            places, letters = places[kept], letters[:, kept]
            row = {at: edits[kept] for at, edits in row.items()}
            before = {at: edits[kept] for at, edits in before.items()}
    lengths = column.lengths[places]
    edits = np.full(places.size, FAR, np.int8)
    for at, reached in row.items():
        # Past its end a word offers nothing to compare.
        ends = lengths >= at if prefix else lengths == at
        np.minimum(edits, np.where(ends, reached, FAR), out=edits)
    for place in np.flatnonzero(edits <= most):
        yield column.words[places[place]], int(edits[place])


def _next_row(
    codes: Sequence[int],
    letters: NDArray[np.uint32],
    row: dict[int, _Edits],
    before: dict[int, _Edits],
    most: int,
) -> dict[int, _Edits]:
    """Return the edits from these letters to each beginning of each other word."""
    step = len(codes)
    fresh: dict[int, _Edits] = {}
    count = letters.shape[1]
    if step <= most:
        fresh[0] = np.full(count, step, np.int8)
    for at in range(max(1, step - most), min(letters.shape[0], step + most) + 1):
        best = np.full(count, FAR, np.int8)
        if at - 1 in row:
            np.minimum(best, row[at - 1] + (letters[at - 1] != codes[-1]), out=best)
        if at in row:
            np.minimum(best, row[at] + ONE, out=best)
        if at - 1 in fresh:
            np.minimum(best, fresh[at - 1] + ONE, out=best)
        if at - 2 in before and step > 1:
            swapped = (letters[at - 1] == codes[-2]) & (letters[at - 2] == codes[-1])
            np.minimum(best, np.where(swapped, before[at - 2] + ONE, FAR), out=best)
        fresh[at] = best
    return fresh


def _least(row: dict[int, _Edits]) -> _Edits:
    least = np.full(next(iter(row.values())).shape, FAR, np.int8)
    for edits in row.values():
        np.minimum(least, edits, out=least)
    return least
