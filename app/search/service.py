"""Searches over what the caller may read: asks an engine, keeps what the catalog still has."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from app.catalog.http.get_facets import FACETS, facet_items
from app.catalog.service import Catalog
from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.published.question_filter import Choice, QuestionFilter
from app.search.engine import Engine, EngineUnavailableError, Hit, SearchRequest, SearchResult
from app.search.synonyms.snapshot import SynonymSnapshot

# Paging ends here, and so does exact counting.
REACH = 1000
WAIT_SECONDS = 2.0
MAX_WAITERS = 64
RETRY_SECONDS = 2
NOTHING = QuestionFilter()

Facets = dict[str, list[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request searches for, resolved, in the banks that it may read."""

    text: str
    filter: QuestionFilter
    banks: frozenset[str]
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Page:
    """Hits that are live now, best first, and the offset from which the next page goes on."""

    hits: list[Hit]
    following: int | None
    corrected: str | None
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """The numbers of what matches, and whether there are more."""

    numbers: BitMap
    capped: bool


class Searcher:
    """One worker's search: its engine and, where it is kept, one for when that fails."""

    def __init__(
        self, catalog: Catalog, synonym_snapshot: SynonymSnapshot, engines: Sequence[Engine]
    ) -> None:
        """Search with the first engine that can."""
        self._catalog = catalog
        self._synonym_snapshot = synonym_snapshot
        self._waiting = 0
        self.engines = tuple(engines)

    def engine(self, name: str) -> Engine | None:
        """Return the engine of that name, if it is one of ours."""
        return next((engine for engine in self.engines if engine.name == name), None)

    def members(self, wanted: Wanted) -> BitMap:
        """Return the questions that may be found now; never change the bitmap."""
        return self._catalog.members(wanted.banks, wanted.filter)

    async def page(self, engine: Engine, wanted: Wanted) -> Page:
        """Return the page; EngineUnavailableError where the engine cannot answer."""
        asked = self._asked(wanted)
        if not asked.banks:
            return Page([], None, None)
        hits: list[Hit] = []
        corrected: str | None = None
        settled = True
        place = wanted.offset
        # One more than wanted tells whether there is a next page.
        size = wanted.limit + 1
        while place < REACH:
            size = min(size, REACH - place)
            found = await engine.search(replace(asked, limit=size, offset=place))
            settled = settled and found.complete
            if place == wanted.offset:
                corrected = found.corrected
            # What was withdrawn while the engine searched is not found.
            members = self.members(wanted)
            for at, hit in enumerate(found.hits, place):
                if hit.number in members:
                    if len(hits) == wanted.limit:
                        return Page(hits, at, corrected, settled)
                    hits.append(hit)
            place += len(found.hits)
            if not found.more or not found.hits:
                break
            size *= 2
        return Page(hits, None, corrected, settled)

    async def count(self, engine: Engine, wanted: Wanted) -> Count:
        """Return what matches, up to the reach; EngineUnavailableError likewise."""
        return (await self._counts(engine, [wanted]))[0]

    async def count_facets(self, engine: Engine, wanted: Wanted) -> tuple[Count, Facets]:
        """Return what matches, and the counts of every facet, each without its own parameter."""
        narrowed = [name for name in FACETS if getattr(wanted.filter, name) != Choice()]
        wider = [_without(wanted, name) for name in narrowed]
        found, *counted = await self._counts(engine, [wanted, *wider])
        counts = dict(zip(narrowed, counted, strict=True))
        return found, {
            name: facet_items(self._catalog, name, counts.get(name, found).numbers)
            for name in FACETS
        }

    async def _counts(self, engine: Engine, searches: Sequence[Wanted]) -> list[Count]:
        asked = [self._asked(wanted) for wanted in searches]
        found = iter(await engine.matching_numbers([one for one in asked if one.banks], REACH + 1))
        counts = []
        for wanted, one in zip(searches, asked, strict=True):
            numbers = next(found) if one.banks else []
            # What was withdrawn while the engine searched is not counted.
            held = BitMap(numbers[:REACH]) & self.members(wanted)
            counts.append(Count(held, capped=len(numbers) > REACH))
        return counts

    def listed_facets(self, wanted: Wanted) -> Facets:
        """Return the counts of every facet over everything that matches the filter, likewise."""
        return {
            name: facet_items(self._catalog, name, self.members(_without(wanted, name)))
            for name in FACETS
        }

    async def unfiltered(self, engine: Engine, wanted: Wanted) -> tuple[Count, SearchResult]:
        """Return what would be found without the filter."""
        free = replace(wanted, filter=NOTHING, limit=1, offset=0)
        asked = self._asked(free)
        if not asked.banks:
            return Count(BitMap(), capped=False), SearchResult([], more=False, corrected=None)
        found = await engine.search(asked)
        return await self.count(engine, free), found

    async def wait(self, mark: Mark, engines: Sequence[Engine]) -> list[Engine]:
        """Return the engines that have reached `mark`, after two seconds at most.

        Problem not_caught_up where there is none.
        """
        if self._waiting >= MAX_WAITERS:
            raise not_caught_up()
        self._waiting += 1
        deadline = time.monotonic() + WAIT_SECONDS
        try:
            for place, engine in enumerate(engines):
                if await engine.wait_for_mark(mark, max(0.0, deadline - time.monotonic())):
                    return list(engines[place:])
        finally:
            self._waiting -= 1
        raise not_caught_up()

    def _asked(self, wanted: Wanted) -> SearchRequest:
        members = self.members(wanted)
        bitmaps = self._catalog.index.facets["bank"]
        banks = tuple(
            slug
            for slug in sorted(wanted.banks)
            if slug in bitmaps and members.intersect(bitmaps[slug])
        )
        rules = self._catalog.rights.banks
        public = frozenset(
            slug for slug in banks if slug in rules and rules[slug].answers == "public"
        )
        return SearchRequest(
            text=wanted.text,
            banks=banks,
            answer_banks=public,
            filter=wanted.filter,
            members=members,
            synonyms=self._synonym_snapshot.current,
            limit=wanted.limit,
            offset=wanted.offset,
        )


def _without(wanted: Wanted, facet: str) -> Wanted:
    others: QuestionFilter = replace(wanted.filter, **{facet: Choice()})  # type: ignore[arg-type] # one of the choices
    return replace(wanted, filter=others)


def not_caught_up() -> Problem:
    """Return the 503 for an edition that the index has not reached."""
    message = "The edition demanded has not arrived in the search index."
    return Problem("not_caught_up", message, headers={"Retry-After": "1"})


def search_unavailable(error: EngineUnavailableError | None = None) -> Problem:
    """Return the 503 for a search that no engine can answer now."""
    message = f"Search is not available now: {error}." if error else "Search is not available now."
    return Problem("search_unavailable", message, headers={"Retry-After": str(RETRY_SECONDS)})
