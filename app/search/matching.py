"""Matches readings of one query in one bank's FTS5 table, for several searches at once."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pyroaring import BitMap

from app.search import expressions
from app.search.lexicons import Known
from app.search.readings import Reader, Reading
from app.search.tables import FIELDS, IndexedBank
from app.search.tiers import Rater, Rating, Row

# So many hits can be reached by paging; one more tells that there are others.
MOST = 1001
# So many matches are all ranked; of more, so many of the newest in each tier, the others by age.
RANKED = 400
RANKED_NEWEST = 150
# So few questions are read themselves where the index would find over so many times as many.
FEW = 1000
VAIN = 40
# Up to so many, and up to such a part of a bank, SQLite sorts out what is not a member.
SPARSE = 4000
SPARSE_PART = 0.04
# Of words that each stand in more questions than that, how they stand together tells too little.
VAGUE = 20_000
BATCH = 512

_COLUMNS = f"rowid, revision, {', '.join(FIELDS)}"


@dataclass(slots=True)
class _Found:
    """Numbers of some questions that match; all of them but those up to `below`."""

    numbers: BitMap
    below: int


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
        members: Sequence[BitMap],
    ) -> None:
        """Read `bank` through a connection that holds a snapshot; `members` are all sets wanted."""
        self.bank = bank
        self.known = known
        self.reader = reader
        self._connection = connection
        self._most = min(SPARSE, SPARSE_PART * known.lexicon.questions)
        self._few = BitMap().union(*filter(self.is_sparse, members))
        self._found: dict[str, _Found] = {}

    def is_sparse(self, members: BitMap) -> bool:
        """Return whether members are so few that everything that matches is told of them."""
        return len(members) <= self._most

    def matching(
        self, expression: str, members: BitMap, most: int, without: BitMap, expected: int = 0
    ) -> list[int]:
        """Return the numbers of members that match, at most so many, newest first.

        `expected` is roughly how many questions match, where that may be most of the bank.
        """
        wanted = members - without
        if not self.is_sparse(members):
            return self._stream(expression, wanted, most)
        if not wanted:
            return []
        known = self._found.setdefault(expression, _Found(BitMap(), self._few.max()))
        while known.below >= wanted.min() and len(known.numbers & wanted) < most:
            self._go_on(expression, known, expected)
        return list(reversed(known.numbers & wanted))[:most]

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """Return what the index holds of questions."""
        statement = (
            f"SELECT {_COLUMNS} FROM {self.bank.table}"  # noqa: S608 - its name is a number
            " WHERE rowid IN (SELECT value FROM json_each(?))"
        )
        return list(map(Row._make, self._connection.execute(statement, (json.dumps(numbers),))))

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revisions of questions and their stems as they are read."""
        statement = (
            f"SELECT rowid, revision, plain FROM {self.bank.table}"  # noqa: S608
            " WHERE rowid IN (SELECT value FROM json_each(?))"
        )
        rows = self._connection.execute(statement, (json.dumps(numbers),))
        return {number: (revision, plain) for number, revision, plain in rows}

    @cached_property
    def _listed(self) -> str:
        return json.dumps(list(self._few))

    def _go_on(self, expression: str, known: "_Found", expected: int) -> None:
        """Find the next older ones; all of them unless very many match."""
        span = self._few.max() // (expected // VAGUE + 1) + 1
        above = known.below - span
        statement = (
            f"{self._select} AND rowid BETWEEN ? AND ?"  # noqa: S608
            # The sign keeps SQLite from asking the index once for each member.
            " AND +rowid IN (SELECT value FROM json_each(?))"
        )
        values = (expression, above + 1, known.below, self._listed)
        rows = self._connection.execute(statement, values)
        known.numbers.update([number for (number,) in rows])
        known.below = above

    def _stream(self, expression: str, wanted: BitMap, most: int) -> list[int]:
        cursor = self._connection.execute(f"{self._select} ORDER BY rowid DESC", (expression,))
        found: list[int] = []
        while len(found) < most and (batch := cursor.fetchmany(BATCH)):
            found += reversed(BitMap([number for (number,) in batch]) & wanted)
        cursor.close()
        return found[:most]

    @property
    def _select(self) -> str:
        table = self.bank.table
        return f"SELECT rowid FROM {table} WHERE {table} MATCH ?"  # noqa: S608


class BankSearch:
    """One search in one bank's table."""

    def __init__(self, table: BankTable, members: BitMap) -> None:
        """Find `members`."""
        self.slug = table.bank.slug
        self.reader = table.reader
        self.answers = table.reader.answers
        self.fresh = table.known.fresh
        self._table = table
        self._known = table.known
        self._members = members
        self._where = expressions.fields(answers=self.answers)

    def matches(self, reading: Reading, most: int, without: BitMap) -> list[int]:
        """Return the numbers of questions that hold every group, newest first."""
        least = self._least(reading)
        if len(self._members) <= min(FEW, least / VAIN):
            return self._holding(reading, most, without)
        expression = expressions.all_words(self._ready(reading), self._where)
        return self._table.matching(expression, self._members, most, without, least)

    def partial(self, reading: Reading, step: int, most: int, without: BitMap) -> list[int]:
        """Return the numbers of questions that hold fewer groups, ever fewer with each step.

        Groups that very many questions hold are not looked for. None is found when `step` is past
        the last.
        """
        lexicon, fresh = self._known
        weighty = reading.weighty(lexicon, answers=self.answers, fresh=fresh)
        left_out = len(weighty.groups) < len(reading.groups)
        counts = _counts(len(weighty.groups) if left_out else len(weighty.groups) - 1)
        if step >= len(counts):
            return []
        expression = expressions.some_words(self._ready(weighty), counts[step], self._where)
        return self._table.matching(expression, self._members, most, without)

    def leading(self, reading: Reading, numbers: list[int], without: BitMap) -> list[int]:
        """Return the matches worth rating: all, or those of the best tiers and the newest."""
        if len(numbers) <= RANKED:
            return numbers
        if self._least(reading) > VAGUE:
            return numbers[: 2 * RANKED_NEWEST]
        closed = reading.closed(self._known.lexicon, answers=self.answers)
        found = BitMap(numbers[:RANKED_NEWEST])
        steps = (
            expressions.phrase(closed),
            expressions.near(closed),
            expressions.all_words(closed, expressions.STEM),
        )
        for expression in steps:
            found.update(self._table.matching(expression, self._members, RANKED_NEWEST, without))
            if len(found) >= 2 * RANKED_NEWEST:
                break
        return list(found)

    def rated(self, reading: Reading, numbers: Sequence[int]) -> list[tuple[Row, Rating]]:
        """Return what the index holds of questions, and how well that matches."""
        rater = Rater(reading, answers=self.answers)
        return [(row, rater.rate(row)) for row in self._table.rows(numbers)]

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revisions of questions and their stems as they are read."""
        return self._table.stems(numbers)

    @cached_property
    def _rows(self) -> list[Row]:
        """Every member."""
        return self._table.rows(list(self._members))

    def _least(self, reading: Reading) -> int:
        """Return roughly how many questions hold the rarest group."""
        return min(reading.counts(self._known.lexicon, answers=self.answers))

    def _holding(self, reading: Reading, most: int, without: BitMap) -> list[int]:
        """Return the members that hold every group, newest first."""
        rater = Rater(reading, answers=self.answers)
        found = BitMap([row.number for row in self._rows if rater.holds(row)])
        found -= without
        return list(reversed(found))[:most]

    def _ready(self, reading: Reading) -> Reading:
        """Return the reading as the index is asked it: open ends cost it more than many words."""
        lexicon, fresh = self._known
        return reading.spelt_out(lexicon, answers=self.answers) if fresh else reading


def _counts(most: int) -> list[int]:
    """Return how many words to look for, ever fewer, in a few steps."""
    counts = []
    while most > 0:
        counts.append(most)
        most = most - 1 if most <= expressions.MOST_COMBINED else most // 2
    return counts
