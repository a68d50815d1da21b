"""Pure: the words of one bank, how many questions hold each, and the nearest to a misspelt one."""

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate, count
from typing import NamedTuple

from app.search.text.corrections import Column, most_edits, nearest

# Of a word that could be many, only so many are searched for.
MOST_CORRECTIONS = 6
ANSWER_FIELD = "answer"
# Letters at the end of an unknown word that are let go, and what has to be left.
ENDINGS = (2, 3, 4)
RELATED_FROM = 6


_serials = count()


class Correction(NamedTuple):
    """A word that may have been meant, and in how many places it differs."""

    word: str
    edits: int


class Lexicon:
    """The words of one bank at one moment; it never changes.

    Words that only answers hold stand apart: they count where answers may be searched.
    """

    def __init__(self, questions: int, counts: Iterable[tuple[str, str, int]]) -> None:
        """Take the number of questions and (word, field, questions that hold it there)."""
        self.questions = questions
        # Tells one lexicon from another without keeping it.
        self.serial = next(_serials)
        self._public: dict[str, int] = {}
        self._answers: dict[str, int] = {}
        for word, field, questions_with_it in counts:
            if questions_with_it:
                known = self._answers if field == ANSWER_FIELD else self._public
                known[word] = max(questions_with_it, known.get(word, 0))
        self._columns: dict[tuple[str, bool], Column] = {}

    def count(self, word: str, *, answers: bool) -> int:
        """Return roughly how many questions hold the word; 0 when none does."""
        found = self._public.get(word, 0)
        return max(found, self._answers.get(word, 0)) if answers else found

    def prefix_count(self, prefix: str, *, answers: bool) -> int:
        """Return roughly how many questions hold a word that starts so."""
        total = 0
        for words, sums in (self._public_sums, self._answer_sums)[: 1 + answers]:
            start, end = _range(words, prefix)
            total += sums[end] - sums[start]
        return min(total, self.questions)

    def starting_with(self, prefix: str, most: int, *, answers: bool) -> list[str] | None:
        """Return every word that starts so; None where they are more than `most`."""
        found: set[str] = set()
        for words in (self._ordered, self._ordered_answers)[: 1 + answers]:
            start, end = _range(words, prefix)
            if end - start > most:
                return None
            found.update(words[start:end])
        return sorted(found) if len(found) <= most else None

    def corrections(self, word: str, *, prefix: bool, answers: bool) -> list[Correction]:
        """Return the words that `word` may have been meant to be, or to start, nearest first.

        Words that are short or hold digits and signs are left alone. The first letter counts as
        typed, unless it changed places with the second or should not be there.
        """
        known = self.count(word, answers=answers) > 0
        most = most_edits(word, known=known)
        if not most:
            return []
        found: dict[str, int] = {}
        for first in (word[0], word[1]) if not known else (word[0],):
            for from_answers in (False, True)[: 1 + answers]:
                column = self._column(first, answers=from_answers)
                for other, edits in nearest(word, column, most, prefix=prefix):
                    found[other] = min(edits, found.get(other, edits))
        found.pop(word, None)
        if not found and not known:
            found = dict.fromkeys(self._relatives(word, answers=answers), most)
        ranked = sorted(
            found.items(), key=lambda pair: (pair[1], -self.count(pair[0], answers=answers))
        )
        return [Correction(*pair) for pair in ranked[:MOST_CORRECTIONS]]

    def prepare(self) -> None:
        """Lay out now what the first searches would have to lay out otherwise."""
        for answers, ordered in enumerate((self._public_sums[0], self._answer_sums[0])):
            for first in {word[0] for word in ordered}:
                self._column(first, answers=bool(answers))

    def halves(self, word: str, *, answers: bool) -> tuple[str, str] | None:
        """Return the two words that `word` is when its missing space is put back."""
        best, pair = 0, None
        for at in range(2, len(word) - 1):
            one, other = word[:at], word[at:]
            least = min(self.count(part, answers=answers) for part in (one, other))
            if least > best and len(one) + len(other) > 4:
                best, pair = least, (one, other)
        return pair

    def _relatives(self, word: str, *, answers: bool) -> list[str]:
        """Return words that end differently, as other forms of a long word do."""
        for cut in ENDINGS:
            if len(word) - cut >= RELATED_FROM:
                found = self.starting_with(word[:-cut], MOST_CORRECTIONS, answers=answers)
                if found:
                    return found
        return []

    @cached_property
    def _ordered(self) -> list[str]:
        return sorted(self._public)

    @cached_property
    def _ordered_answers(self) -> list[str]:
        return sorted(self._answers)

    @cached_property
    def _public_sums(self) -> tuple[list[str], list[int]]:
        return self._ordered, _sums(self._public, self._ordered)

    @cached_property
    def _answer_sums(self) -> tuple[list[str], list[int]]:
        return self._ordered_answers, _sums(self._answers, self._ordered_answers)

    def _column(self, first: str, *, answers: bool) -> Column:
        key = (first, answers)
        found = self._columns.get(key)
        if found is None:
            ordered = self._ordered_answers if answers else self._ordered
            start, end = _range(ordered, first)
            # What answers share with the rest is compared once.
            beside = self._public if answers else ()
            found = self._columns[key] = Column(
                [word for word in ordered[start:end] if word.isalpha() and word not in beside]
            )
        return found


def _range(ordered: list[str], prefix: str) -> tuple[int, int]:
    return bisect_left(ordered, prefix), bisect_left(ordered, prefix + "\U0010ffff")


def _sums(counts: dict[str, int], ordered: list[str]) -> list[int]:
    return list(accumulate((counts[word] for word in ordered), initial=0))


EMPTY = Lexicon(0, ())
