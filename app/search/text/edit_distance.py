"""Pure: finds the tokens within a few edits of a misspelt token, to correct queries.

One numpy operation compares a token with all tokens that start with the same letter. That keeps
searches for misspelt words within their target (docs/benchmarks.md, the rows named "slip").
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# Lengths in letters from which one edit, or two, are allowed, as in Lucene and Meilisearch.
ONE_EDIT_FROM = 5
TWO_EDITS_FROM = 9
# A token that no question contains is probably misspelt: it may have edits one letter earlier.
UNKNOWN_ONE_EDIT_FROM = 4
UNKNOWN_TWO_EDITS_FROM = 8
MAX_TOKEN_LENGTH = 32
# After these letters, tokens with too many edits already are removed from the comparison.
PRUNE_AFTER_LETTERS = (3, 5, 8)
UNREACHABLE = np.int8(100)
ONE = np.int8(1)

_EditCounts: TypeAlias = NDArray[np.int8]
# A row of the dynamic programming table, by the length of the other token's prefix. Each value is
# an array with one count for each token of the matrix.
_Row: TypeAlias = dict[int, _EditCounts]


def allowed_edits(token: str, *, known: bool) -> int:
    """Return how many edits are allowed in a token; none if it has digits or signs."""
    if not token.isalpha() or len(token) > MAX_TOKEN_LENGTH:
        return 0
    one, two = (ONE_EDIT_FROM, TWO_EDITS_FROM)
    if not known:
        one, two = (UNKNOWN_ONE_EDIT_FROM, UNKNOWN_TWO_EDITS_FROM)
    return (len(token) >= one) + (len(token) >= two)


class TokenMatrix:
    """Tokens as a matrix of code points, with a column for each token."""

    def __init__(self, tokens: Sequence[str]) -> None:
        """Store the tokens in order, without those over 32 letters."""
        self.tokens = [token for token in tokens if len(token) <= MAX_TOKEN_LENGTH]
        self.lengths = np.fromiter(map(len, self.tokens), np.int16, len(self.tokens))
        width = int(self.lengths.max(initial=0))
        # In UTF-32 each letter is one number. Transposed, each step reads contiguous memory.
        flat = np.array(self.tokens, dtype=f"<U{max(width, 1)}").view(np.uint32)
        self.letters = np.ascontiguousarray(
            flat.reshape(len(self.tokens), max(width, 1)).T, dtype=np.uint32
        )


def tokens_within(
    token: str, matrix: TokenMatrix, max_edits: int, *, prefix: bool
) -> Iterator[tuple[str, int]]:
    """Yield (other token, edits) for the tokens within `max_edits` edits.

    An edit changes, adds or removes a letter, or swaps two neighbours (optimal string alignment).
    With `prefix` it is enough that a prefix of the other token is within `max_edits`.
    """
    length = len(token)
    fits = matrix.lengths >= length - max_edits
    if not prefix:
        fits &= matrix.lengths <= length + max_edits
    columns = np.flatnonzero(fits)
    if not columns.size:
        return
    width = min(length + max_edits, matrix.letters.shape[0])
    letters = matrix.letters[:width, columns]
    codes = [ord(letter) for letter in token]
    # Only cells within `max_edits` of the diagonal are computed: all others exceed the limit.
    previous: _Row = {}
    row: _Row = {at: np.full(columns.size, at, np.int8) for at in range(min(max_edits, width) + 1)}
    for step in range(1, length + 1):
        previous, row = row, _next_row(codes[:step], letters, row, previous, max_edits)
        if step in PRUNE_AFTER_LETTERS:
            kept = np.flatnonzero(_minimum(row) <= max_edits)
            if not kept.size:
                return
            columns, letters = columns[kept], letters[:, kept]
            row = {at: edits[kept] for at, edits in row.items()}
            previous = {at: edits[kept] for at, edits in previous.items()}
    lengths = matrix.lengths[columns]
    edits = np.full(columns.size, UNREACHABLE, np.int8)
    for at, reached in row.items():
        # A cell past the end of the other token does not count.
        ends = lengths >= at if prefix else lengths == at
        np.minimum(edits, np.where(ends, reached, UNREACHABLE), out=edits)
    for index in np.flatnonzero(edits <= max_edits):
        yield matrix.tokens[columns[index]], int(edits[index])


def _next_row(
    codes: Sequence[int],
    letters: NDArray[np.uint32],
    row: _Row,
    previous: _Row,
    max_edits: int,
) -> _Row:
    """Return the edits between these letters and each prefix of each other token."""
    step = len(codes)
    result: _Row = {}
    count = letters.shape[1]
    if step <= max_edits:
        result[0] = np.full(count, step, np.int8)
    for at in range(max(1, step - max_edits), min(letters.shape[0], step + max_edits) + 1):
        best = np.full(count, UNREACHABLE, np.int8)
        if at - 1 in row:
            np.minimum(best, row[at - 1] + (letters[at - 1] != codes[-1]), out=best)
        if at in row:
            np.minimum(best, row[at] + ONE, out=best)
        if at - 1 in result:
            np.minimum(best, result[at - 1] + ONE, out=best)
        if at - 2 in previous and step > 1:
            swapped = (letters[at - 1] == codes[-2]) & (letters[at - 2] == codes[-1])
            np.minimum(best, np.where(swapped, previous[at - 2] + ONE, UNREACHABLE), out=best)
        result[at] = best
    return result


def _minimum(row: _Row) -> _EditCounts:
    minimum = np.full(next(iter(row.values())).shape, UNREACHABLE, np.int8)
    for edits in row.values():
        np.minimum(minimum, edits, out=minimum)
    return minimum
