"""Pure: how a query may be understood: groups of words, each with the ways to say it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import NamedTuple

from app.search.embedded.lexicon import Lexicon
from app.search.engine import Synonyms
from app.search.text.query import query_words
from app.search.text.words import Word, words

# What a match is worth beside the word itself.
INFLECTED = 0.9
SYNONYM = 0.8
BEGUN = 0.25
CORRECTED = (1.0, 0.8, 0.6)
# An inflection of a shorter word is rarely one.
INFLECTED_FROM = 4
# A word of more than this part of a bank's questions tells too little on its own.
COMMON_PART = 0.2
COMMON_FROM = 100


class Way(NamedTuple):
    """One way to say a group: words in a row, or anywhere where `apart`; the last may go on."""

    words: tuple[str, ...]
    share: float = 1.0
    apart: bool = False
    prefix: bool = False
    corrected: bool = False


class Group(NamedTuple):
    """Neighbouring words of the query that are found together; the first way is as typed."""

    ways: tuple[Way, ...]
    worth: float
    start: int
    end: int

    @property
    def typed(self) -> Way:
        """The words as they were typed."""
        return self.ways[0]


@dataclass(frozen=True)
class Reading:
    """All of a query, understood in one manner."""

    groups: tuple[Group, ...]

    @cached_property
    def slots(self) -> tuple[tuple[frozenset[str], str | None], ...]:
        """For each word as typed: what may stand in its place, and how that may begin."""
        return tuple(slot for group in self.groups for slot in _slots(group))

    def counts(self, lexicon: Lexicon, *, answers: bool) -> list[int]:
        """Return for each group roughly how many questions hold it, in any way."""
        return [
            sum(_least(way, lexicon, answers=answers) for way in group.ways)
            for group in self.groups
        ]

    def weighty(self, lexicon: Lexicon, *, answers: bool, fresh: bool) -> "Reading":
        """Return the reading without words of very many questions, if others are left.

        Words of no question are left out too where the lexicon is `fresh`.
        """
        counts = self.counts(lexicon, answers=answers)
        pairs = list(zip(self.groups, counts, strict=True))
        most = max(COMMON_PART * lexicon.questions, COMMON_FROM)
        held = [(group, count) for group, count in pairs if count or not fresh]
        rare = [group for group, count in held if count <= most]
        return Reading(tuple(rare or (group for group, _ in held)))

    def closed(self, lexicon: Lexicon, *, answers: bool) -> "Reading":
        """Return the reading with its last word ended, if that is a word as it stands."""
        *others, last = self.groups
        ways = tuple(
            way._replace(prefix=way.prefix and not lexicon.count(way.words[-1], answers=answers))
            for way in last.ways
        )
        return Reading((*others, last._replace(ways=ways)))


class Equals:
    """Synonyms by the words that they consist of."""

    def __init__(self, synonyms: Synonyms) -> None:
        """Take phrases and their equals."""
        self.source = synonyms
        self._equals: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
        for phrase, others in synonyms.items():
            equals = tuple(form for other in others for form in _forms(other))
            for form in _forms(phrase):
                self._equals[form] = equals
        self._longest = max(map(len, self._equals), default=0)

    def of(self, phrase: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Return other ways to say these words."""
        return self._equals.get(phrase, ())

    def longest_at(self, typed: Sequence[str], at: int) -> int:
        """Return how many words from `at` on have equals together; 1 where none do."""
        for length in range(min(self._longest, len(typed) - at), 1, -1):
            if tuple(typed[at : at + length]) in self._equals:
                return length
        return 1


def _forms(phrase: str) -> list[tuple[str, ...]]:
    found = list(words(phrase))
    forms = [tuple(word.text for word in found if not word.joined)]
    if len(forms[0]) > 1 and len(found) == len(forms[0]) + 1:
        forms.append((found[-1].text,))
    return [form for form in forms if form]


class Reader:
    """Understands one query against the words of one bank."""

    def __init__(self, text: str, lexicon: Lexicon, equals: Equals, *, answers: bool) -> None:
        """Take a cleaned query; `answers` tells whether words of answers count."""
        self.answers = answers
        self._lexicon = lexicon
        self._equals = equals
        found = query_words(text)
        self._words = [word for word in found if not word.joined]
        self._joined = {word.start: word for word in found if word.joined}
        self._corrected: dict[bool, Reading | None] = {}

    @cached_property
    def exact(self) -> Reading:
        """Return the query as it was typed, with inflections, compounds and synonyms."""
        groups = []
        at = 0
        while at < len(self._words):
            length = self._length_at(at)
            groups.append(self._group(at, length))
            at += length
        return Reading(tuple(groups))

    def corrected(self, *, unknown_only: bool) -> Reading | None:
        """Return the query with the nearest known words too; None where that changes nothing.

        With `unknown_only` words that some question holds are left as they are.
        """
        if unknown_only not in self._corrected:
            self._corrected[unknown_only] = self._correct(unknown_only=unknown_only)
        return self._corrected[unknown_only]

    def _correct(self, *, unknown_only: bool) -> Reading | None:
        groups: list[Group] = []
        changed = False
        at = 0
        for group in self.exact.groups:
            length = len(group.typed.words)
            known = all(self._count(word) for word in group.typed.words)
            if length > 1 and known:
                groups.append(group)
            else:
                for place in range(at, at + length):
                    single = group if length == 1 else self._group(place, 1)
                    ways = self._corrections(place, unknown_only=unknown_only)
                    changed = changed or bool(ways)
                    groups.append(self._with(single, ways))
            at += length
        return Reading(tuple(groups)) if changed else None

    def _length_at(self, at: int) -> int:
        typed = [word.text for word in self._words]
        longest = self._equals.longest_at(typed, at)
        joined = self._joined.get(self._words[at].start)
        if joined is not None:
            parts = sum(1 for word in self._words[at:] if word.start < joined.end)
            return max(longest, parts)
        if longest == 1 and at + 1 < len(typed) and self._known_together(at):
            return 2
        return longest

    def _known_together(self, at: int) -> bool:
        one, other = self._words[at : at + 2]
        return other.start not in self._joined and self._count(one.text + other.text) > 0

    def _group(self, at: int, length: int) -> Group:
        typed = self._words[at : at + length]
        texts = tuple(word.text for word in typed)
        last = at + length == len(self._words)
        ways = [Way(texts, apart=length > 1, prefix=last)]
        if len(self._words) == 1 and self._count(texts[0]):
            # A word of its own, and perhaps the beginning of another one.
            ways = [Way(texts), Way(texts, BEGUN, prefix=True)]
        if length > 1:
            ways.append(Way(("".join(texts),), prefix=last))
        else:
            ways += [Way((other,), INFLECTED) for other in self._inflections(texts[0])]
        equals = self._equals.of(texts)
        ways += [Way(other, SYNONYM) for other in equals]
        return Group(tuple(ways), self._worth(typed, last=last), typed[0].start, typed[-1].end)

    def _worth(self, typed: Sequence[Word], *, last: bool) -> float:
        counts = [self._count(word.text) for word in typed]
        if last and not counts[-1]:
            counts[-1] = self._lexicon.prefix_count(typed[-1].text, answers=self.answers)
        return sum(self._rarity(count) for count in counts)

    def _rarity(self, count: int) -> float:
        total = max(self._lexicon.questions, count, 1)
        return log(1 + total / (count + 0.5))

    def _inflections(self, word: str) -> list[str]:
        if len(word) < INFLECTED_FROM or not word.isalpha():
            return []
        return [form for form in _inflected(word) if self._count(form)]

    def _corrections(self, place: int, *, unknown_only: bool) -> list[Way]:
        word = self._words[place].text
        last = place == len(self._words) - 1
        if unknown_only and self._is_known(word, last=last):
            return []
        ways = [
            Way((other.word,), CORRECTED[other.edits], corrected=True)
            for other in self._lexicon.corrections(word, prefix=last, answers=self.answers)
        ]
        if not self._count(word):
            halves = self._lexicon.halves(word, answers=self.answers)
            if halves:
                ways.append(Way(halves, CORRECTED[1], corrected=True))
        return ways

    def _with(self, group: Group, ways: list[Way]) -> Group:
        if not ways:
            return group
        worth = group.worth
        if not self._count(group.typed.words[0]):
            worth = self._rarity(max(self._count(way.words[0]) for way in ways))
        return group._replace(ways=group.ways + tuple(ways), worth=worth)

    def _is_known(self, word: str, *, last: bool) -> bool:
        if self._count(word):
            return True
        return last and self._lexicon.prefix_count(word, answers=self.answers) > 0

    def _count(self, word: str) -> int:
        return self._lexicon.count(word, answers=self.answers)


def respelt(text: str, chosen: Mapping[Group, Way]) -> str | None:
    """Return the query with the corrected words in place; None when none of them was corrected."""
    pieces = []
    at = 0
    for group, way in sorted(chosen.items(), key=lambda pair: pair[0].start):
        if way.corrected:
            pieces += [text[at : group.start], " ".join(way.words)]
            at = group.end
    return "".join(pieces) + text[at:] if pieces else None


def _least(way: Way, lexicon: Lexicon, *, answers: bool) -> int:
    counts = [lexicon.count(word, answers=answers) for word in way.words]
    if way.prefix:
        counts[-1] = lexicon.prefix_count(way.words[-1], answers=answers)
    return min(counts)


def _slots(group: Group) -> Iterator[tuple[frozenset[str], str | None]]:
    typed = group.typed
    others = {way.words[0] for way in group.ways[1:] if len(way.words) == 1}
    for place, word in enumerate(typed.words):
        last = place == len(typed.words) - 1
        allowed = {word} if typed.apart else {word} | others
        yield frozenset(allowed), word if typed.prefix and last else None


def _inflected(word: str) -> Iterator[str]:
    if word.endswith("ies"):
        yield word[:-3] + "y"
    elif word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
    elif word.endswith("y"):
        yield word[:-1] + "ies"
    else:
        yield word + "s"
        yield word + "es"
