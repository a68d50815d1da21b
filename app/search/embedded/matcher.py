"""Matches readings of one query in one bank of the index, for several searches at once."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from pyroaring import BitMap

from app.search.embedded import fts_expressions
from app.search.embedded.index_rows import numbers_matching, read_rows, read_stems
from app.search.embedded.interpretation import Group, Reader, Reading, Way
from app.search.embedded.lexicon_cache import Known
from app.search.embedded.postings import BankPostings
from app.search.embedded.ranking import Rater, Rating, Row
from app.search.embedded.tables import IndexedBank
from app.search.text.spelling import Scope, Spelling

# So many hits can be reached by paging; one more tells that there are others.
MOST = 1001
# So many matches are all ranked; of more, so many of the newest in each tier, the others by age.
RANKED = 400
RANKED_NEWEST = 150
# Of words that each stand in more questions than that, how they stand together tells too little.
VAGUE = 20_000
# From so many groups on, only the commonest are dropped instead of any.
MOST_COMBINED = 4


class BankTable:
    """One bank's table in one snapshot; searches that differ in their members share what it finds.

    `reader` understands the query against the words of the bank.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        bank: IndexedBank,
        known: Known,
        reader: Reader,
        postings: BankPostings,
    ) -> None:
        """Read `bank` through a connection that holds the snapshot of `postings`."""
        self.bank = bank
        self.known = known
        self.reader = reader
        self._connection = connection
        self._postings = postings
        self._holding: dict[tuple[Group, Scope], BitMap] = {}

    def holding(self, group: Group, scope: Scope) -> BitMap:
        """Return the numbers of all questions that hold a group; never change the bitmap."""
        key = (group, scope)
        found = self._holding.get(key)
        if found is None:
            said = [self._saying(way, scope) for way in group.ways]
            found = self._holding[key] = BitMap.union(*said)
        return found

    def spelling(self, spelling: Spelling) -> BitMap:
        """Return the numbers of all questions that hold a spelling; never change the bitmap."""
        return self._postings.of(spelling)

    def matching(self, expression: str) -> BitMap:
        """Return the numbers of all questions that match an expression."""
        return numbers_matching(self._connection, self.bank, expression)

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """Return what the index holds of questions."""
        return read_rows(self._connection, self.bank, numbers)

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revisions of questions and their stems as they are read."""
        return read_stems(self._connection, self.bank, numbers)

    def _saying(self, way: Way, scope: Scope) -> BitMap:
        if not way.apart:
            return self._postings.of(Spelling(way.words, way.prefix, scope))
        *others, last = way.words
        spellings = [Spelling((word,), prefix=False, scope=scope) for word in others]
        spellings.append(Spelling((last,), way.prefix, scope))
        return BitMap.intersection(*map(self._postings.of, spellings))


class BankSearch:
    """One search in one bank's table."""

    def __init__(self, table: BankTable, members: BitMap) -> None:
        """Find `members`."""
        self.slug = table.bank.slug
        self.reader = table.reader
        self.scope = Scope.of(answers=table.reader.answers)
        self.fresh = table.known.fresh
        self._table = table
        self._lexicon = table.known.lexicon
        self._members = members

    def matches(self, reading: Reading, most: int, without: BitMap) -> list[int]:
        """Return the numbers of questions that hold every group, newest first."""
        return _newest(self._all(reading.groups, self.scope) - without, most)

    def partial(self, reading: Reading, step: int, most: int, without: BitMap) -> list[int]:
        """Return the numbers of questions that hold fewer groups, ever fewer with each step.

        Groups that very many questions hold are not looked for. None is found when `step` is past
        the last.
        """
        answers = self.reader.answers
        groups = reading.weighty(self._lexicon, answers=answers, fresh=self.fresh).groups
        left_out = len(groups) < len(reading.groups)
        counts = _counts(len(groups) if left_out else len(groups) - 1)
        if step >= len(counts):
            return []
        found = BitMap()
        for chosen in _chosen(groups, counts[step]):
            found |= self._all(chosen, self.scope)
        return _newest(found - without, most)

    def leading(self, reading: Reading, numbers: list[int], without: BitMap) -> list[int]:
        """Return the matches worth rating: all, or those of the best tiers and the newest."""
        if len(numbers) <= RANKED:
            return numbers
        held = [self._table.holding(group, self.scope) for group in reading.groups]
        if min(map(len, held)) > VAGUE:
            return numbers[: 2 * RANKED_NEWEST]
        closed = reading.closed(self._lexicon, answers=self.reader.answers)
        found = BitMap(numbers[:RANKED_NEWEST])
        for matching in self._tiers(closed):
            found.update(_newest(matching - without, RANKED_NEWEST))
            if len(found) >= 2 * RANKED_NEWEST:
                break
        return list(found)

    def rated(self, reading: Reading, numbers: Sequence[int]) -> list[tuple[Row, Rating]]:
        """Return what the index holds of questions, and how well that matches."""
        rater = Rater(reading, self.scope)
        return [(row, rater.rate(row)) for row in self._table.rows(numbers)]

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revisions of questions and their stems as they are read."""
        return self._table.stems(numbers)

    def _tiers(self, reading: Reading) -> Iterator[BitMap]:
        """Yield the members of each tier, best first."""
        phrase = fts_expressions.phrase(reading)
        yield self._table.spelling(phrase) & self._members
        if len(phrase.words) > 1:
            yield self._table.matching(fts_expressions.near(reading)) & self._members
        yield self._all(reading.groups, Scope.STEM)

    def _all(self, groups: Iterable[Group], scope: Scope) -> BitMap:
        """Return the members that hold every group."""
        held = [self._table.holding(group, scope) for group in groups]
        return BitMap.intersection(self._members, *sorted(held, key=len))


def _newest(numbers: BitMap, most: int) -> list[int]:
    return list(numbers[-most:])[::-1]


def _chosen(groups: Sequence[Group], count: int) -> Iterable[Sequence[Group]]:
    """Return which groups may be held: any so many where they are few, else the rarest."""
    if count == 1 or len(groups) <= MOST_COMBINED:
        return combinations(groups, count)
    return [sorted(groups, key=lambda group: -group.worth)[:count]]


def _counts(most: int) -> list[int]:
    """Return how many words to look for, ever fewer, in a few steps."""
    counts = []
    while most > 0:
        counts.append(most)
        most = most - 1 if most <= MOST_COMBINED else most // 2
    return counts
