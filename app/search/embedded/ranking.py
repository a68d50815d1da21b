"""Pure: how well a question answers a reading of a query: a tier, and a score within it."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from app.search.embedded.fts_expressions import NEAR
from app.search.embedded.interpretation import Group, Reading, Way
from app.search.engine import Tier
from app.search.text.spelling import Scope, Spelling, standing

# What a word is worth by the field that holds it.
WEIGHTS = (1.0, 0.45, 0.55, 0.3, 0.3)

COVERED = 0.25
# A word that is whole counts more than one that goes on.
WHOLE = 1.05
# What a word beside the stem is worth at most: less than the farthest way of saying one in it.
BESIDE = max(WEIGHTS[1:]) * WHOLE


class Row(NamedTuple):
    """A question as the index holds it: each field its words between spaces."""

    number: int
    revision: int
    stem: str
    options: str
    terms: str
    hints: str
    answer: str

    def fields(self, scope: Scope) -> tuple[str, ...]:
        """Return the fields that count, in the order of their weights."""
        return (self.stem, self.options, self.terms, self.hints, self.answer)[:scope]

    def holds(self, spelling: Spelling) -> bool:
        """Return whether one of its fields holds these words, as FTS5 would say."""
        needle = spelling.needle
        return any(needle in field for field in self.fields(spelling.scope))


class Rating(NamedTuple):
    """How a row matched: the tier where all was found, else how many groups are `missing`."""

    tier: Tier
    score: float
    missing: int


_Ways: TypeAlias = Sequence[tuple[tuple[str, ...], float]]


class Rater:
    """Rates rows against one reading."""

    def __init__(self, reading: Reading, scope: Scope) -> None:
        """Take the reading and the fields that count."""
        self._scope = scope
        self._groups = [(group.worth, _ranked(group)) for group in reading.groups]
        self._worth = sum(group.worth for group in reading.groups) or 1.0
        self._slots = reading.slots
        self._places: dict[str, set[int]] = {}
        for place, (allowed, _) in enumerate(self._slots):
            for word in allowed:
                self._places.setdefault(word, set()).add(place)
        self._prefix = self._slots[-1][1] if self._slots else None

    def rate(self, row: Row) -> Rating:
        """Return how well the row matches."""
        score = 0.0
        missing = 0
        in_stem = True
        fields = row.fields(self._scope)
        for worth, ways in self._groups:
            found = _found(ways, fields)
            missing += not found
            score += worth * found
            in_stem = in_stem and found > BESIDE
        score /= self._worth
        if missing:
            return Rating(Tier.FEWER, score, missing)
        tier = Tier.ALL
        if in_stem:
            tier, covered = self._in_stem(row.stem.split())
            score += COVERED * covered
        return Rating(tier, score, 0)

    def _in_stem(self, words: list[str]) -> tuple[Tier, float]:
        found: list[tuple[int, set[int]]] = []
        last = len(self._slots) - 1
        exact = False
        for at, word in enumerate(words):
            places = self._places.get(word)
            if places is not None:
                exact = True
                found.append((at, places))
            elif self._prefix is not None and word.startswith(self._prefix):
                found.append((at, {last}))
        covered = len(found) / len(words)
        if last == 0:
            return (Tier.PHRASE if exact else Tier.NEAR), covered
        by_place = dict(found)
        for at, places in found:
            if 0 in places and all(
                step in by_place.get(at + step, ()) for step in range(1, last + 1)
            ):
                return Tier.PHRASE, covered
        return (Tier.NEAR if self._close(found) else Tier.STEM), covered

    def _close(self, found: list[tuple[int, set[int]]]) -> bool:
        wanted = len(self._slots)
        for start, (first, _) in enumerate(found):
            seen: set[int] = set()
            for at, places in found[start:]:
                if at - first - wanted >= NEAR:
                    break
                seen |= places
                if len(seen) == wanted:
                    return True
        return False


def chosen_ways(reading: Reading, row: Row, scope: Scope) -> dict[Group, Way]:
    """Return by which way each group that the row holds was found."""
    fields = row.fields(scope)
    chosen = {}
    for group in reading.groups:
        rated = [(_found(((_needles(way), way.share),), fields), way) for way in group.ways]
        best = max(rated, key=lambda pair: pair[0])
        if best[0]:
            chosen[group] = best[1]
    return chosen


def _ranked(group: Group) -> _Ways:
    ways = [(_needles(way), way.share) for way in group.ways]
    ways += [
        (_needles(way._replace(prefix=False)), way.share * WHOLE)
        for way in group.ways
        if way.prefix
    ]
    return sorted(ways, key=lambda pair: -pair[1])


def _needles(way: Way) -> tuple[str, ...]:
    if not way.apart:
        return (standing(way.words, prefix=way.prefix),)
    before = [standing([word], prefix=False) for word in way.words[:-1]]
    return (*before, standing(way.words[-1:], prefix=way.prefix))


def _found(ways: _Ways, fields: tuple[str, ...]) -> float:
    """Return what the best of the ways is worth; they are ordered by their share."""
    best = 0.0
    for needles, share in ways:
        if share <= best:
            break
        weight = 1.0
        for needle in needles:
            for place, field in enumerate(fields):
                if needle in field:
                    weight = min(weight, WEIGHTS[place])
                    break
            else:
                weight = 0.0
                break
        best = max(best, share * weight)
    return best
