"""Runs one search over all of its banks: collects matches in stages, ranks them, makes the page.

Takes a bank search for each bank from `index_reader`; gives the page of hits, or the numbers of
all matches.
"""

import sqlite3
import time
from collections.abc import Sequence
from typing import NamedTuple

from pyroaring import BitMap

from app.search.embedded.highlighting import Highlighter
from app.search.embedded.index_rows import IndexRow
from app.search.embedded.interpretation import Interpretation, corrected_query
from app.search.embedded.matcher import MAX_MATCHES, BankSearch
from app.search.embedded.ranking import matched_variants
from app.search.engine import EngineUnavailableError, Hit, SearchRequest, SearchResult, Tier

# With fewer matches than this, corrected tokens are searched too, and then partial matches.
ENOUGH_MATCHES = 20
# Limits on partial matches, which could be very many.
MAX_PARTIAL_MATCHES = 100
MAX_PARTIAL_STEPS = 8


class Deadline:
    """The time at which a search is cut off."""

    def __init__(self, seconds: float) -> None:
        """Set the deadline `seconds` from now."""
        self.extend(seconds)

    def extend(self, seconds: float) -> None:
        """Move the deadline to `seconds` from now."""
        self._until = time.monotonic() + seconds

    def passed(self) -> bool:
        """Return whether the deadline has passed."""
        return time.monotonic() > self._until


class Stage(NamedTuple):
    """The matches of one interpretation in one bank, newest first; `tier` is the tier offset."""

    bank: str
    interpretation: Interpretation
    tier: Tier
    numbers: list[int]


class Candidate(NamedTuple):
    """A match in the order of hits; `row` is None if it was not scored."""

    stage: Stage
    tier: int
    score: float
    number: int
    row: IndexRow | None


class MultiBankSearch:
    """One search over all requested banks."""

    def __init__(
        self,
        banks: Sequence[BankSearch],
        request: SearchRequest,
        deadline: Deadline,
        stages: Sequence[Stage] = (),
    ) -> None:
        """Search until the deadline, or reuse the stages of an equal search."""
        self.stages = list(stages)
        self._banks = {bank.slug: bank for bank in banks}
        self._request = request
        self._deadline = deadline
        self._seen = BitMap()
        self._complete = True

    def collect(self) -> bool:
        """Collect the matches; return False if the deadline passed before all were collected.

        Raises EngineUnavailableError if it passed before any was.
        """
        try:
            self._collect()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
        else:
            if not self._deadline.passed():
                return True
        if not self.stages:
            message = "the search took too long"
            raise EngineUnavailableError(message)
        self._complete = False
        return False

    def numbers(self, limit: int) -> list[int]:
        """Return the numbers of at most `limit` collected matches."""
        return [number for stage in self.stages for number in stage.numbers][:limit]

    def page(self) -> SearchResult:
        """Rank the collected matches and return the requested page."""
        request = self._request
        wanted = request.offset + request.limit + 1
        ranked: list[Candidate] = []
        for tier in (Tier.PHRASE, Tier.CORRECTED, Tier.PARTIAL):
            if len(ranked) < wanted:
                ranked += self._ranked([stage for stage in self.stages if stage.tier == tier])
        hits = self._hits(ranked[request.offset : wanted - 1])
        return SearchResult(
            hits,
            more=len(ranked) >= wanted,
            corrected=self._corrected_query(ranked),
            complete=self._complete
            and all(bank.lexicon_is_current for bank in self._banks.values()),
        )

    def _collect(self) -> None:
        """Collect exact matches; if they are few, also corrected and then partial ones."""
        interpretations = {slug: bank.interpreter.exact for slug, bank in self._banks.items()}
        for slug, interpretation in interpretations.items():
            self._add_stage(slug, interpretation, Tier.PHRASE)
        if len(self._seen) >= ENOUGH_MATCHES:
            return
        any_exact = bool(self._seen)
        for slug, bank in self._banks.items():
            corrected = bank.interpreter.corrected(unknown_only=any_exact)
            if corrected is not None:
                interpretations[slug] = corrected
                self._add_stage(slug, corrected, Tier.CORRECTED)
        for step in range(MAX_PARTIAL_STEPS):
            if len(self._seen) >= ENOUGH_MATCHES:
                return
            for slug, interpretation in interpretations.items():
                self._add_stage(slug, interpretation, Tier.PARTIAL, step)

    def _add_stage(
        self, slug: str, interpretation: Interpretation, tier: Tier, step: int = 0
    ) -> None:
        if not interpretation.groups or self._deadline.passed():
            return
        bank = self._banks[slug]
        if tier == Tier.PARTIAL:
            numbers = bank.partial_matches(interpretation, step, MAX_PARTIAL_MATCHES, self._seen)
        else:
            numbers = bank.matches(interpretation, MAX_MATCHES, self._seen)
        if numbers:
            self.stages.append(Stage(slug, interpretation, tier, numbers))
            self._seen = self._seen | BitMap(numbers)

    def _ranked(self, stages: list[Stage]) -> list[Candidate]:
        """Return the matches of these stages: the scored ones, best first, then the others."""
        scored: list[Candidate] = []
        unscored: list[Candidate] = []
        for stage in stages:
            bank = self._banks[stage.bank]
            scored_numbers = set()
            for row, match in bank.scored(stage.interpretation, self._candidates(stage)):
                tier = stage.tier + (match.missing_groups or match.tier)
                scored.append(Candidate(stage, tier, match.score, row.number, row))
                scored_numbers.add(row.number)
            last_tier = stage.tier + Tier.ANY_FIELD
            unscored += [
                Candidate(stage, last_tier, 0.0, number, None)
                for number in stage.numbers
                if number not in scored_numbers
            ]
        scored.sort(key=lambda candidate: (candidate.tier, -candidate.score, -candidate.number))
        unscored.sort(key=lambda candidate: -candidate.number)
        return (scored + unscored)[:MAX_MATCHES]

    def _candidates(self, stage: Stage) -> list[int]:
        """Return the numbers of the matches of a stage that are to be scored."""
        if stage.tier == Tier.PARTIAL:
            return stage.numbers
        of_other_stages = BitMap().union(
            *(BitMap(other.numbers) for other in self.stages if other is not stage)
        )
        bank = self._banks[stage.bank]
        return bank.candidates(stage.interpretation, stage.numbers, of_other_stages)

    def _hits(self, candidates: list[Candidate]) -> list[Hit]:
        stems: dict[int, tuple[int, str]] = {}
        highlighters: dict[int, Highlighter] = {}
        for slug in {candidate.stage.bank for candidate in candidates}:
            numbers = [candidate.number for candidate in candidates if candidate.stage.bank == slug]
            stems |= self._banks[slug].stems(numbers)
        hits = []
        for candidate in candidates:
            revision, stem_text = stems[candidate.number]
            interpretation = candidate.stage.interpretation
            highlighter = highlighters.get(id(interpretation))
            if highlighter is None:
                highlighter = highlighters[id(interpretation)] = Highlighter(interpretation)
            stem = highlighter.highlight(stem_text)
            hits.append(Hit(candidate.number, revision, candidate.tier, candidate.score, stem))
        return hits

    def _corrected_query(self, ranked: list[Candidate]) -> str | None:
        """Return the corrected query, as far as the best hit matched corrected tokens."""
        if not ranked or ranked[0].stage.tier == Tier.PHRASE:
            return None
        stage, row = ranked[0].stage, ranked[0].row
        if row is None:
            return None
        matched = matched_variants(stage.interpretation, row, self._banks[stage.bank].scope)
        return corrected_query(self._request.text, matched)
