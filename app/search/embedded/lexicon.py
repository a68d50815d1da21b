"""Pure: the vocabulary of one bank: how many questions contain a token, and spelling correction."""

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate, count
from typing import NamedTuple

from app.search.text.edit_distance import TokenMatrix, allowed_edits, tokens_within

# A misspelt token may have many corrections; only the best are searched.
MAX_CORRECTIONS = 6
ANSWER_FIELD = "answer"
# A long token without corrections is compared by its beginning: this many letters are cut off, and
# at least MIN_STEM_LETTERS must remain.
CUT_LETTERS = (2, 3, 4)
MIN_STEM_LETTERS = 6
# A shorter token is never read as two with a missing space.
MIN_SPLIT_LETTERS = 5


_serials = count()


class Correction(NamedTuple):
    """A token that the user may have meant, and its edit distance to what was typed."""

    token: str
    edits: int


class Lexicon:
    """The tokens of one bank with their document frequencies; immutable.

    Tokens of answers are stored separately: they count only `with_answers`, where the answers may
    be searched.
    """

    def __init__(self, questions: int, frequencies: Iterable[tuple[str, str, int]]) -> None:
        """Take the number of questions and (token, field, number of questions) of the index."""
        self.questions = questions
        # Identifies this lexicon in cache keys without keeping it in memory.
        self.serial = next(_serials)
        self._public: dict[str, int] = {}
        self._answers: dict[str, int] = {}
        for token, field, frequency in frequencies:
            if frequency:
                tokens = self._answers if field == ANSWER_FIELD else self._public
                tokens[token] = max(frequency, tokens.get(token, 0))
        self._matrices: dict[tuple[str, bool], TokenMatrix] = {}

    def frequency(self, token: str, *, with_answers: bool) -> int:
        """Return roughly how many questions contain the token; 0 if none does.

        It is the highest frequency in a single field, so a lower bound.
        """
        found = self._public.get(token, 0)
        return max(found, self._answers.get(token, 0)) if with_answers else found

    def prefix_frequency(self, prefix: str, *, with_answers: bool) -> int:
        """Return roughly how many questions contain a token with this prefix."""
        total = 0
        for tokens, sums in (self._public_sums, self._answer_sums)[: 1 + with_answers]:
            start, end = _prefix_range(tokens, prefix)
            total += sums[end] - sums[start]
        return min(total, self.questions)

    def tokens_with_prefix(
        self, prefix: str, limit: int, *, with_answers: bool
    ) -> list[str] | None:
        """Return all tokens with this prefix, sorted; None if they are more than `limit`."""
        found: set[str] = set()
        for tokens in (self._sorted_public, self._sorted_answers)[: 1 + with_answers]:
            start, end = _prefix_range(tokens, prefix)
            if end - start > limit:
                return None
            found.update(tokens[start:end])
        return sorted(found) if len(found) <= limit else None

    def corrections(self, token: str, *, prefix: bool, with_answers: bool) -> list[Correction]:
        """Return the tokens that the user may have meant, nearest first, then most frequent first.

        With `prefix` the token may be the unfinished beginning of another. Short tokens and tokens
        with digits or signs have no corrections. The first letter must match, except that an
        unknown token may have its first two letters swapped or a superfluous first letter.
        """
        known = self.frequency(token, with_answers=with_answers) > 0
        max_edits = allowed_edits(token, known=known)
        if not max_edits:
            return []
        found: dict[str, int] = {}
        for first in (token[0], token[1]) if not known else (token[0],):
            for of_answers in (False, True)[: 1 + with_answers]:
                matrix = self._matrix(first, of_answers=of_answers)
                for other, edits in tokens_within(token, matrix, max_edits, prefix=prefix):
                    found[other] = min(edits, found.get(other, edits))
        found.pop(token, None)
        if not found and not known:
            found = dict.fromkeys(self._same_stem(token, with_answers=with_answers), max_edits)
        ranked = sorted(
            found.items(),
            key=lambda pair: (pair[1], -self.frequency(pair[0], with_answers=with_answers)),
        )
        return [Correction(*pair) for pair in ranked[:MAX_CORRECTIONS]]

    def precompute(self) -> None:
        """Build all lazy structures, so that the first searches do not wait for them."""
        for of_answers, tokens in enumerate((self._public_sums[0], self._answer_sums[0])):
            for first in {token[0] for token in tokens}:
                self._matrix(first, of_answers=bool(of_answers))

    def split_in_two(self, token: str, *, with_answers: bool) -> tuple[str, str] | None:
        """Return the two known tokens that were typed without a space; None if there are none."""
        if len(token) < MIN_SPLIT_LETTERS:
            return None
        best, pair = 0, None
        for at in range(2, len(token) - 1):
            halves = token[:at], token[at:]
            least = min(self.frequency(half, with_answers=with_answers) for half in halves)
            if least > best:
                best, pair = least, halves
        return pair

    def _same_stem(self, token: str, *, with_answers: bool) -> list[str]:
        """Return tokens with the same beginning and another ending, as inflections have."""
        for cut in CUT_LETTERS:
            if len(token) - cut >= MIN_STEM_LETTERS:
                found = self.tokens_with_prefix(
                    token[:-cut], MAX_CORRECTIONS, with_answers=with_answers
                )
                if found:
                    return found
        return []

    @cached_property
    def _sorted_public(self) -> list[str]:
        return sorted(self._public)

    @cached_property
    def _sorted_answers(self) -> list[str]:
        return sorted(self._answers)

    @cached_property
    def _public_sums(self) -> tuple[list[str], list[int]]:
        return self._sorted_public, _running_sums(self._public, self._sorted_public)

    @cached_property
    def _answer_sums(self) -> tuple[list[str], list[int]]:
        return self._sorted_answers, _running_sums(self._answers, self._sorted_answers)

    def _matrix(self, first: str, *, of_answers: bool) -> TokenMatrix:
        """Return the alphabetic tokens with this first letter."""
        key = (first, of_answers)
        matrix = self._matrices.get(key)
        if matrix is None:
            tokens = self._sorted_answers if of_answers else self._sorted_public
            start, end = _prefix_range(tokens, first)
            # A token in answers and in public fields is compared once, with the public ones.
            public = self._public if of_answers else ()
            matrix = self._matrices[key] = TokenMatrix(
                [token for token in tokens[start:end] if token.isalpha() and token not in public]
            )
        return matrix


def _prefix_range(tokens: list[str], prefix: str) -> tuple[int, int]:
    return bisect_left(tokens, prefix), bisect_left(tokens, prefix + "\U0010ffff")


def _running_sums(frequencies: dict[str, int], tokens: list[str]) -> list[int]:
    return list(accumulate((frequencies[token] for token in tokens), initial=0))


EMPTY_LEXICON = Lexicon(0, ())
