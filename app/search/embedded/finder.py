"""Finds questions in the embedded index: FTS5 gives candidates, their words tiers and scores."""

import sqlite3
import time
from collections.abc import Sequence
from typing import NamedTuple

from pyroaring import BitMap

from app.search.embedded.highlighting import Highlighter
from app.search.embedded.interpretation import Reading, respelt
from app.search.embedded.matcher import MOST, BankSearch
from app.search.embedded.ranking import Row, chosen_ways
from app.search.engine import Asked, EngineUnavailableError, Found, Hit, Tier

# Below so many hits corrected words are looked for as well, and then fewer words.
ENOUGH = 20
# Hits that hold only some of the words; there could be very many.
MOST_FEWER = 100
MOST_STEPS = 8


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


class Search:
    """One search over all banks asked for."""

    def __init__(
        self,
        banks: Sequence[BankSearch],
        asked: Asked,
        deadline: Deadline,
        stages: Sequence[Stage] = (),
    ) -> None:
        """Search until the deadline, or go on from the stages of an equal search."""
        self.stages = list(stages)
        self._banks = {bank.slug: bank for bank in banks}
        self._asked = asked
        self._deadline = deadline
        self._seen = BitMap()
        self._whole = True

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
        self._whole = False
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
        return Found(
            hits,
            more=len(ordered) >= wanted,
            corrected=self._respelt(ordered),
            settled=self._whole and all(bank.fresh for bank in self._banks.values()),
        )

    def _gather(self) -> None:
        """Find what was typed, and where that is little, what was meant, and fewer words."""
        readings = {slug: bank.reader.exact for slug, bank in self._banks.items()}
        for slug, reading in readings.items():
            self._add(slug, reading, Tier.PHRASE)
        if len(self._seen) >= ENOUGH:
            return
        found = bool(self._seen)
        for slug, bank in self._banks.items():
            corrected = bank.reader.corrected(unknown_only=found)
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
        chosen = chosen_ways(stage.reading, row, self._banks[stage.bank].scope)
        return respelt(self._asked.text, chosen)
