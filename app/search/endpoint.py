"""GET /v1/search: the response to a search."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from pyroaring import BitMap

from app.catalog.bodies.byte_cache import body_key
from app.catalog.bodies.composer import ComposedQuestions
from app.catalog.http.endpoint import Endpoint, ReadRequest, ResponseBody
from app.catalog.service import Catalog
from app.core.http.edge import MIN_EDITION
from app.core.http.pages import resync_required
from app.published.editions import Editions
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START, Engine, EngineUnavailableError, Hit
from app.search.planner import ROUTE, SearchPlan, make_cursor, parse_search
from app.search.service import (
    NO_FILTER,
    MatchCount,
    Searcher,
    not_caught_up,
    search_unavailable,
)


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """The hits of a page, and the offset of the next page, None for the last.

    `members` are members of the response beside items, highlights and cursor. `settled` is
    False if the same search may find more soon although nothing is published.
    """

    hits: Sequence[Hit]
    next_offset: int | None
    members: dict[str, Any]
    settled: bool = True


class SearchQuestions(Endpoint):
    """Searches questions by words, with the first engine that is available."""

    def __init__(self, searcher: Searcher, catalog: Catalog, editions: Editions) -> None:
        """Search with `searcher`; the questions found come from `catalog`."""
        super().__init__(ROUTE, catalog)
        self._searcher = searcher
        self._editions = editions

    async def make(self, request: ReadRequest) -> ResponseBody:
        """Return one page of hits.

        Problem search_unavailable if no engine is available, not_caught_up if the edition that the
        request demands is not indexed in time.
        """
        plan = parse_search(self._catalog, request.query, request.caller)
        engines = await self._engines(plan, request)
        # Read before the search: an engine that advances meanwhile may have missed new questions.
        marks = {engine.name: engine.mark for engine in engines}
        engine, outcome = await self._search(plan, engines)
        data = await self._to_json(plan, engine, outcome)
        cacheable = outcome.settled and marks[engine.name] == request.mark
        return ResponseBody(data, plan.access, cacheable=cacheable)

    async def _engines(self, plan: SearchPlan, request: ReadRequest) -> Sequence[Engine]:
        """Return the engines that may be used, the preferred one first.

        A search without words uses no index, so it need not wait for the demanded edition.
        """
        engines: Sequence[Engine] = self._searcher.engines
        if plan.engine is not None:
            engine = self._searcher.engine(plan.engine)
            if engine is None:
                raise resync_required()
            engines = [engine]
        demanded = request.headers.get(MIN_EDITION)
        if demanded is not None and plan.query.text:
            mark = self._editions.open(demanded.decode("latin-1"))
            return await self._searcher.wait_for_edition(mark, engines)
        return engines

    async def _search(
        self, plan: SearchPlan, engines: Sequence[Engine]
    ) -> tuple[Engine, SearchOutcome]:
        """Return the first engine that is available, and what it found."""
        history = self._catalog.history
        failure: EngineUnavailableError | None = None
        for engine in engines:
            try:
                outcome = await self._outcome(plan, engine)
            except EngineUnavailableError as error:
                failure = error
                continue
            if history is not self._catalog.history:
                # The history was replaced meanwhile: these numbers may be other questions.
                raise not_caught_up()
            return engine, outcome
        if plan.engine is not None and len(self._searcher.engines) > 1:
            # Another engine has another order, so the client has to start without the cursor.
            raise resync_required()
        raise search_unavailable(failure)

    async def _outcome(self, plan: SearchPlan, engine: Engine) -> SearchOutcome:
        query = plan.query
        if not query.text:
            return self._listed(plan, engine)
        members: dict[str, Any] = {}
        count = None
        if plan.facets:
            # Counted before the page is read, so that an engine can find both in one search.
            count, members["facets"] = await self._searcher.count_facets(engine, query)
        page = await self._searcher.page(engine, query)
        if query.offset == 0 and page.next_offset is None:
            count = MatchCount(BitMap(hit.number for hit in page.hits), capped=False)
        elif count is None:
            count = await self._searcher.count(engine, query)
        members |= {"total": len(count.numbers), "total_capped": count.capped}
        reason = None
        if not page.hits and query.offset == 0:
            reason = await self._reason(plan, engine)
        members |= {"corrected": page.corrected, "engine": engine.name, "reason": reason}
        return SearchOutcome(page.hits, page.next_offset, members, page.settled)

    def _listed(self, plan: SearchPlan, engine: Engine) -> SearchOutcome:
        """Return everything that matches the filter, newest first; no engine is called."""
        query = plan.query
        matching = self._searcher.members(query)
        high = matching.rank(query.offset - 1) if query.offset else len(matching)
        numbers = list(matching[max(0, high - query.limit) : high])[::-1]
        hits = [Hit(number, 0, 0, 0.0, "") for number in numbers]
        members: dict[str, Any] = {"total": len(matching), "total_capped": False}
        if plan.facets:
            members["facets"] = self._searcher.listed_facets(query)
        reason = None
        if not matching:
            without_filter = len(self._catalog.members(plan.unfiltered_banks, NO_FILTER))
            reason = _reason(None, without_filter)
        members |= {"corrected": None, "engine": engine.name, "reason": reason}
        return SearchOutcome(hits, numbers[-1] if high > query.limit else None, members)

    async def _reason(self, plan: SearchPlan, engine: Engine) -> dict[str, object]:
        """Return why nothing was found, from a search for the same words without the filter."""
        if plan.query.filter == NO_FILTER:
            return _reason(None, 0)
        query = replace(plan.query, banks=plan.unfiltered_banks)
        count, found = await self._searcher.unfiltered(engine, query)
        return _reason(found.corrected, len(count.numbers))

    async def _to_json(self, plan: SearchPlan, engine: Engine, outcome: SearchOutcome) -> bytes:
        catalog = self._catalog
        matching = self._searcher.members(plan.query)
        hits = [hit for hit in outcome.hits if hit.number in matching]
        numbers = [hit.number for hit in hits]
        keys, ids = catalog.live_keys(numbers), catalog.index.ids(numbers)
        highlights = {
            str(UUID(bytes=question_id)): {"stem": html_stem(hit.stem)}
            for hit, key, question_id in zip(hits, keys, ids, strict=True)
            if body_key(hit.number, hit.revision) == key and HIGHLIGHT_START in hit.stem
        }
        cursor = None
        if outcome.next_offset is not None:
            cursor = make_cursor(catalog, plan, outcome.next_offset, engine.name)
        members = {"highlights": highlights, **outcome.members, "next_cursor": cursor}
        composed = catalog.compose_live(numbers, plan.access, plan.text_format)
        if not isinstance(composed, ComposedQuestions):
            composed = await composed
        return composed.to_json(orjson.dumps(members)[1:-1])


def html_stem(stem: str) -> str:
    """Return a stem as escaped HTML, with an engine's highlights as <mark> elements."""
    escaped = html.escape(stem)
    return escaped.replace(HIGHLIGHT_START, "<mark>").replace(HIGHLIGHT_END, "</mark>")


def _reason(corrected: str | None, without_filter: int) -> dict[str, object]:
    return {
        "corrected": corrected,
        "excluded_by": "filter" if without_filter else None,
        "without_filter": without_filter,
    }
