"""Searches the questions that a caller may read, and drops hits that are no longer published."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from app.catalog.http.get_facets import facet_items
from app.catalog.service import Catalog
from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.published.facets import ANY_VALUE, COUNTED_FACETS, Facet
from app.published.question_filter import QuestionFilter
from app.search.engine import Engine, EngineUnavailableError, Hit, SearchRequest, SearchResult
from app.search.synonyms.snapshot import SynonymSnapshot

# The last hit that paging can reach, and the largest count that is exact.
MAX_REACHABLE_HITS = 1000
WAIT_SECONDS = 2.0
MAX_WAITING_REQUESTS = 64
RETRY_SECONDS = 2
NO_FILTER = QuestionFilter()

FacetCounts = dict[str, list[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to search for, and in which banks; `text` is cleaned, and empty for a list."""

    text: str
    filter: QuestionFilter
    banks: frozenset[str]
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class HitPage:
    """Hits that are live, best first, and the offset of the next page, None for the last.

    `corrected` is the corrected text if words were misspelt; for `settled` see `SearchOutcome`.
    """

    hits: list[Hit]
    next_offset: int | None
    corrected: str | None
    settled: bool = True


@dataclass(frozen=True, slots=True)
class MatchCount:
    """The numbers of matching questions; `capped` if there are more than MAX_REACHABLE_HITS."""

    numbers: BitMap
    capped: bool


class Searcher:
    """One worker's search over its engines: a preferred one, and possibly one to fall back to."""

    def __init__(
        self, catalog: Catalog, synonym_snapshot: SynonymSnapshot, engines: Sequence[Engine]
    ) -> None:
        """Search with `engines`, the preferred one first."""
        self._catalog = catalog
        self._synonym_snapshot = synonym_snapshot
        self._waiting = 0
        self.engines = tuple(engines)

    def engine(self, name: str) -> Engine | None:
        """Return the engine of that name, None if there is none."""
        return next((engine for engine in self.engines if engine.name == name), None)

    def members(self, query: SearchQuery) -> BitMap:
        """Return the numbers of live questions that the filter allows; never change the bitmap."""
        return self._catalog.members(query.banks, query.filter)

    async def page(self, engine: Engine, query: SearchQuery) -> HitPage:
        """Return the page of hits; EngineUnavailableError if the engine cannot search."""
        request = self._engine_request(query)
        if not request.banks:
            return HitPage([], None, None)
        hits: list[Hit] = []
        corrected: str | None = None
        settled = True
        offset = query.offset
        # One more hit than the limit shows whether there is a next page.
        size = query.limit + 1
        while offset < MAX_REACHABLE_HITS:
            size = min(size, MAX_REACHABLE_HITS - offset)
            found = await engine.search(replace(request, limit=size, offset=offset))
            settled = settled and found.complete
            if offset == query.offset:
                corrected = found.corrected
            # Read after the search: questions that were withdrawn meanwhile are not hits.
            members = self.members(query)
            for hit_offset, hit in enumerate(found.hits, offset):
                if hit.number in members:
                    if len(hits) == query.limit:
                        return HitPage(hits, hit_offset, corrected, settled)
                    hits.append(hit)
            offset += len(found.hits)
            if not found.more or not found.hits:
                break
            size *= 2
        return HitPage(hits, None, corrected, settled)

    async def count(self, engine: Engine, query: SearchQuery) -> MatchCount:
        """Return the matching questions; EngineUnavailableError if the engine cannot search."""
        return (await self._counts(engine, [query]))[0]

    async def count_facets(
        self, engine: Engine, query: SearchQuery
    ) -> tuple[MatchCount, FacetCounts]:
        """Return the matching questions, and the counts of every facet.

        A facet ignores its own parameter. EngineUnavailableError as in `count`.
        """
        narrowed = [facet for facet in COUNTED_FACETS if query.filter.choice(facet) != ANY_VALUE]
        wider = [_without_facet(query, facet) for facet in narrowed]
        total, *counted = await self._counts(engine, [query, *wider])
        counts = dict(zip(narrowed, counted, strict=True))
        return total, {
            facet.parameter: facet_items(self._catalog, facet, counts.get(facet, total).numbers)
            for facet in COUNTED_FACETS
        }

    async def _counts(self, engine: Engine, queries: Sequence[SearchQuery]) -> list[MatchCount]:
        requests = [self._engine_request(query) for query in queries]
        searched = [request for request in requests if request.banks]
        found = iter(await engine.matching_numbers(searched, MAX_REACHABLE_HITS + 1))
        counts = []
        for query, request in zip(queries, requests, strict=True):
            numbers = next(found) if request.banks else []
            # Read after the search: questions that were withdrawn meanwhile are not counted.
            live = BitMap(numbers[:MAX_REACHABLE_HITS]) & self.members(query)
            counts.append(MatchCount(live, capped=len(numbers) > MAX_REACHABLE_HITS))
        return counts

    def listed_facets(self, query: SearchQuery) -> FacetCounts:
        """Return the counts of every facet over everything that matches the filter."""
        return {
            facet.parameter: facet_items(
                self._catalog, facet, self.members(_without_facet(query, facet))
            )
            for facet in COUNTED_FACETS
        }

    async def unfiltered(
        self, engine: Engine, query: SearchQuery
    ) -> tuple[MatchCount, SearchResult]:
        """Return what would be found without the filter: the count and the first hit."""
        unfiltered = replace(query, filter=NO_FILTER, limit=1, offset=0)
        request = self._engine_request(unfiltered)
        if not request.banks:
            return MatchCount(BitMap(), capped=False), SearchResult([], more=False, corrected=None)
        found = await engine.search(request)
        return await self.count(engine, unfiltered), found

    async def wait_for_edition(self, mark: Mark, engines: Sequence[Engine]) -> list[Engine]:
        """Return the engines from the first that has indexed `mark`; wait two seconds at most.

        Problem not_caught_up if there is none.
        """
        if self._waiting >= MAX_WAITING_REQUESTS:
            raise not_caught_up()
        self._waiting += 1
        deadline = time.monotonic() + WAIT_SECONDS
        try:
            for index, engine in enumerate(engines):
                if await engine.wait_for_mark(mark, max(0.0, deadline - time.monotonic())):
                    return list(engines[index:])
        finally:
            self._waiting -= 1
        raise not_caught_up()

    def _engine_request(self, query: SearchQuery) -> SearchRequest:
        """Return the request to an engine, for those banks of the query that have matches."""
        members = self.members(query)
        bitmaps = self._catalog.index.facets["bank"]
        banks = tuple(
            slug
            for slug in sorted(query.banks)
            if slug in bitmaps and members.intersect(bitmaps[slug])
        )
        rules = self._catalog.rights.banks
        public = frozenset(
            slug for slug in banks if slug in rules and rules[slug].answers == "public"
        )
        return SearchRequest(
            text=query.text,
            banks=banks,
            answer_banks=public,
            filter=query.filter,
            members=members,
            synonyms=self._synonym_snapshot.current,
            limit=query.limit,
            offset=query.offset,
        )


def _without_facet(query: SearchQuery, facet: Facet) -> SearchQuery:
    return replace(query, filter=query.filter.without(facet))


def not_caught_up() -> Problem:
    """Return the 503 for an edition that is not in the search index yet."""
    message = "The search index has not reached the demanded edition yet."
    return Problem("not_caught_up", message, headers={"Retry-After": "1"})


def search_unavailable(error: EngineUnavailableError | None = None) -> Problem:
    """Return the 503 for a search while no engine is available."""
    message = f"Search is not available now: {error}." if error else "Search is not available now."
    return Problem("search_unavailable", message, headers={"Retry-After": str(RETRY_SECONDS)})
