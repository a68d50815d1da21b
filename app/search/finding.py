"""Finds questions in the embedded index: FTS5 gives candidates, their words tiers and scores."""

import json
import sqlite3
import time
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from pyroaring import BitMap

from app.search import expressions
from app.search.engine import Asked, EngineUnavailableError, Found, Hit
from app.search.highlighting import Highlighter
from app.search.lexicon import Lexicon
from app.search.readings import Equals, Reader, Reading, respelt
from app.search.tables import FIELDS, IndexedBank
from app.search.tiers import Rater, Rating, Row, Tier, chosen_ways

# So many hits can be reached by paging; one more tells that there are others.
MOST = 1001
# So many matches are all ranked; of more, so many of the newest in each tier, the others by age.
RANKED = 400
RANKED_NEWEST = 150
# Below so many hits corrected words are looked for as well, and then fewer words.
ENOUGH = 20
# Hits that hold only some of the words; there could be very many.
MOST_FEWER = 100
MOST_STEPS = 8
# So few questions are read themselves where the index would find so many times more.
FEW = 1000
VAIN = 40
# Up to so many, and up to such a part of a bank, SQLite sorts out what is not a member.
SPARSE = 4000
SPARSE_PART = 0.04
BATCH = 512

_COLUMNS = f"rowid, revision, {', '.join(FIELDS)}"


class Deadline:
    """Until when a search may go on."""

    def __init__(self, seconds: float) -> None:
        """Count from now."""
        self.extend(seconds)

    def extend(self, seconds: float) -> None:
        """Count from now again."""
        self._until = time.monotonic() + seconds

    def passed(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() > self._until


class Known(NamedTuple):
    """The words of a bank; not `fresh` when they may lack some that the snapshot holds."""

    lexicon: Lexicon
    fresh: bool


class Stage(NamedTuple):
    """What one reading found in one bank, newest first."""

    bank: str
    reading: Reading
    tier: Tier
    numbers: list[int]


class Entry(NamedTuple):
    """One hit in the making; `row` is None where it was not rated."""

    stage: Stage
    tier: int
    score: float
    number: int
    row: Row | None


class BankSearch:
    """One search in one bank's table."""

    def __init__(
        self, connection: sqlite3.Connection, bank: IndexedBank, known: Known, asked: Asked
    ) -> None:
        """Search `bank` through a connection that holds a snapshot."""
        self.slug = bank.slug
        self.answers = bank.slug in asked.answer_banks and bank.answers
        self.lexicon = known.lexicon
        self._fresh = known.fresh
        self._connection = connection
        self._table = bank.table
        self._members = asked.members
        self._where = expressions.fields(answers=self.answers)
        self._ratings: tuple[Reading, list[Rating]] | None = None

    def matches(self, reading: Reading, most: int, without: BitMap) -> list[int]:
        """Return the numbers of questions that hold every group, newest first."""
        if self._in_vain(reading):
            return self._holding(reading, 0, most, without)
        return self._stream(expressions.all_words(self._ready(reading), self._where), most, without)

    def partial(self, reading: Reading, step: int, most: int, without: BitMap) -> list[int]:
        """Return the numbers of questions that hold fewer groups, ever fewer with each step.

        Groups that very many questions hold are not looked for. None is found when `step` is past
        the last.
        """
        weighty = reading.weighty(self.lexicon, answers=self.answers, fresh=self._fresh)
        left_out = len(weighty.groups) < len(reading.groups)
        counts = _counts(len(weighty.groups) if left_out else len(weighty.groups) - 1)
        if step >= len(counts):
            return []
        expression = expressions.some_words(self._ready(weighty), counts[step], self._where)
        return self._stream(expression, most, without)

    def leading(self, reading: Reading, numbers: list[int], without: BitMap) -> list[int]:
        """Return the matches worth rating: all, or those of the best tiers and the newest."""
        if len(numbers) <= (RANKED if self._listed is None else MOST - 1):
            return numbers
        closed = reading.closed(self.lexicon, answers=self.answers)
        found = BitMap(numbers[:RANKED_NEWEST])
        steps = (
            expressions.phrase(closed),
            expressions.near(closed),
            expressions.all_words(closed, "stem"),
        )
        for expression in steps:
            found.update(self._stream(expression, RANKED_NEWEST, without))
            if len(found) >= 2 * RANKED_NEWEST:
                break
        return list(found)

    def rated(self, reading: Reading, numbers: Sequence[int]) -> list[tuple[Row, Rating]]:
        """Return what the index holds of questions, and how well that matches."""
        if self._ratings is not None and self._ratings[0] is reading:
            wanted = set(numbers)
            pairs = zip(self._rows, self._ratings[1], strict=True)
            return [(row, rating) for row, rating in pairs if row.number in wanted]
        rater = Rater(reading, answers=self.answers)
        return [(row, rater.rate(row)) for row in self.rows(numbers)]

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """Return what the index holds of questions."""
        statement = (
            f"SELECT {_COLUMNS} FROM {self._table}"  # noqa: S608 - the table's name is a number
            " WHERE rowid IN (SELECT value FROM json_each(?))"
        )
        return list(map(Row._make, self._connection.execute(statement, (json.dumps(numbers),))))

    def stems(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return the revisions of questions and their stems as they are read."""
        statement = (
            f"SELECT rowid, revision, plain FROM {self._table}"  # noqa: S608
            " WHERE rowid IN (SELECT value FROM json_each(?))"
        )
        rows = self._connection.execute(statement, (json.dumps(numbers),))
        return {number: (revision, plain) for number, revision, plain in rows}

    @cached_property
    def _rows(self) -> list[Row]:
        """Every member."""
        return self.rows(list(self._members))

    @cached_property
    def _listed(self) -> str | None:
        """The members as JSON, where they are a small part of the bank."""
        sparse = len(self._members) <= min(SPARSE, SPARSE_PART * self.lexicon.questions)
        return json.dumps(list(self._members)) if sparse else None

    def _in_vain(self, reading: Reading) -> bool:
        """Return whether most of what the index finds will be no member."""
        members = len(self._members)
        if members > FEW:
            return False
        counts = reading.counts(self.lexicon, answers=self.answers)
        return min(counts) > VAIN * members

    def _holding(self, reading: Reading, lacking: int, most: int, without: BitMap) -> list[int]:
        """Return the members that lack at most so many groups, newest first."""
        rater = Rater(reading, answers=self.answers)
        ratings = [rater.rate(row) for row in self._rows]
        self._ratings = (reading, ratings)
        pairs = zip(self._rows, ratings, strict=True)
        found = BitMap(row.number for row, rating in pairs if rating.missing <= lacking)
        found -= without
        return list(reversed(found))[:most]

    def _ready(self, reading: Reading) -> Reading:
        """Return the reading as the index is asked it: open ends cost it more than many words."""
        return reading.spelt_out(self.lexicon, answers=self.answers) if self._fresh else reading

    def _stream(self, expression: str, most: int, without: BitMap) -> list[int]:
        statement = f"SELECT rowid FROM {self._table} WHERE {self._table} MATCH ?"  # noqa: S608
        values = [expression]
        if self._listed is not None:
            # The sign keeps SQLite from asking the index once for each member.
            statement += " AND +rowid IN (SELECT value FROM json_each(?))"
            values.append(self._listed)
        cursor = self._connection.execute(f"{statement} ORDER BY rowid DESC", values)
        found: list[int] = []
        while len(found) < most and (batch := cursor.fetchmany(BATCH)):
            members = BitMap(number for (number,) in batch) & self._members
            members -= without
            found += reversed(members)
        cursor.close()
        return found[:most]


class Search:
    """One search over all banks asked for."""

    def __init__(
        self,
        banks: Sequence[BankSearch],
        equals: Equals,
        asked: Asked,
        deadline: Deadline,
        stages: Sequence[Stage] = (),
    ) -> None:
        """Search until the deadline, or go on from the stages of an equal search."""
        self.stages = list(stages)
        self._banks = {bank.slug: bank for bank in banks}
        self._equals = equals
        self._asked = asked
        self._deadline = deadline
        self._seen = BitMap()

    def gather(self) -> bool:
        """Find what matches; False when the time did not suffice for all of it.

        EngineUnavailableError when it did not suffice for anything.
        """
        try:
            self._gather()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
        else:
            if not self._deadline.passed():
                return True
        if not self.stages:
            message = "the search took too long"
            raise EngineUnavailableError(message)
        return False

    def numbers(self, most: int) -> list[int]:
        """Return the numbers of what was gathered, at most so many."""
        return [number for stage in self.stages for number in stage.numbers][:most]

    def page(self) -> Found:
        """Return the page that was asked for."""
        asked = self._asked
        wanted = asked.offset + asked.limit + 1
        ordered: list[Entry] = []
        for tier in (Tier.PHRASE, Tier.CORRECTED, Tier.FEWER):
            if len(ordered) < wanted:
                ordered += self._ordered([stage for stage in self.stages if stage.tier == tier])
        hits = self._hits(ordered[asked.offset : wanted - 1])
        return Found(hits, more=len(ordered) >= wanted, corrected=self._respelt(ordered))

    def _gather(self) -> None:
        """Find what was typed, and where that is little, what was meant, and fewer words."""
        readers = {
            slug: Reader(self._asked.text, bank.lexicon, self._equals, answers=bank.answers)
            for slug, bank in self._banks.items()
        }
        readings = {slug: reader.exact() for slug, reader in readers.items()}
        for slug, reading in readings.items():
            self._add(slug, reading, Tier.PHRASE)
        if len(self._seen) >= ENOUGH:
            return
        found = bool(self._seen)
        for slug, reader in readers.items():
            corrected = reader.corrected(readings[slug], unknown_only=found)
            if corrected is not None:
                readings[slug] = corrected
                self._add(slug, corrected, Tier.CORRECTED)
        for step in range(MOST_STEPS):
            if len(self._seen) >= ENOUGH:
                return
            for slug, reading in readings.items():
                self._add(slug, reading, Tier.FEWER, step)

    def _add(self, slug: str, reading: Reading, tier: Tier, step: int = 0) -> None:
        if not reading.groups or self._deadline.passed():
            return
        bank = self._banks[slug]
        if tier == Tier.FEWER:
            numbers = bank.partial(reading, step, MOST_FEWER, self._seen)
        else:
            numbers = bank.matches(reading, MOST, self._seen)
        if numbers:
            self.stages.append(Stage(slug, reading, tier, numbers))
            self._seen = self._seen | BitMap(numbers)

    def _ordered(self, stages: list[Stage]) -> list[Entry]:
        rated: list[Entry] = []
        rest: list[Entry] = []
        for stage in stages:
            bank = self._banks[stage.bank]
            known = set()
            for row, rating in bank.rated(stage.reading, self._leading(stage)):
                tier = stage.tier + (rating.missing or rating.tier)
                rated.append(Entry(stage, tier, rating.score, row.number, row))
                known.add(row.number)
            last = stage.tier + Tier.ALL
            rest += [
                Entry(stage, last, 0.0, number, None)
                for number in stage.numbers
                if number not in known
            ]
        rated.sort(key=lambda entry: (entry.tier, -entry.score, -entry.number))
        rest.sort(key=lambda entry: -entry.number)
        return (rated + rest)[:MOST]

    def _leading(self, stage: Stage) -> list[int]:
        if stage.tier == Tier.FEWER:
            return stage.numbers
        others = BitMap().union(
            *(BitMap(other.numbers) for other in self.stages if other is not stage)
        )
        return self._banks[stage.bank].leading(stage.reading, stage.numbers, others)

    def _hits(self, entries: list[Entry]) -> list[Hit]:
        stems: dict[int, tuple[int, str]] = {}
        marked: dict[int, Highlighter] = {}
        for slug in {entry.stage.bank for entry in entries}:
            numbers = [entry.number for entry in entries if entry.stage.bank == slug]
            stems |= self._banks[slug].stems(numbers)
        hits = []
        for entry in entries:
            revision, plain = stems[entry.number]
            reading = entry.stage.reading
            highlighter = marked.setdefault(id(reading), Highlighter(reading))
            stem = highlighter.mark(plain)
            hits.append(Hit(entry.number, revision, entry.tier, entry.score, stem))
        return hits

    def _respelt(self, ordered: list[Entry]) -> str | None:
        if not ordered or ordered[0].stage.tier == Tier.PHRASE:
            return None
        stage, row = ordered[0].stage, ordered[0].row
        if row is None:
            return None
        chosen = chosen_ways(stage.reading, row, answers=self._banks[stage.bank].answers)
        return respelt(self._asked.text, chosen)


def _counts(most: int) -> list[int]:
    """Return how many words to look for, ever fewer, in a few steps."""
    counts = []
    while most > 0:
        counts.append(most)
        most = most - 1 if most <= expressions.MOST_COMBINED else most // 2
    return counts
