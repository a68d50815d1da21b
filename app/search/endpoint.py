"""GET /v1/search: what a query asks for, and the answer made of what was found."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import key_of
from app.catalog.bodies.composer import Composed
from app.catalog.http.cache_headers import reading_reply
from app.catalog.http.cursor_filter import differs, hold, resume
from app.catalog.http.endpoint import KEPT_LENGTH, Headers, Kept, make_kept
from app.catalog.http.list_questions import CURSOR, DEFAULT_LIMIT, LIMIT, MAX_LIMIT
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, take_answers, take_format
from app.catalog.service import Catalog, Reading
from app.core.errors import FieldError, invalid
from app.core.http.edge import MIN_EDITION
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Pairs,
    Parameter,
    boolean,
    reject_unknown,
    split_query,
    take,
    text,
    whole,
)
from app.core.http.replies import Reply, etag_of
from app.published.editions import Editions
from app.published.question_filter import NAMES, PARAMETERS, QuestionFilter, parse_filter
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START, Engine, EngineUnavailableError, Hit
from app.search.service import (
    NOTHING,
    Count,
    Searcher,
    Wanted,
    not_caught_up,
    search_unavailable,
)
from app.search.text.query import MAX_CHARACTERS, MAX_WORDS, QueryTooLongError, clean_query

ROUTE = "search"
# More than the longest query, so that it is refused for what it is.
ANY_LENGTH = 10_000

Q = Parameter(
    "q",
    f"what to find, as it is typed: at most {MAX_CHARACTERS} characters and {MAX_WORDS} words; "
    "without a letter or a digit in it everything is listed, newest first",
    {"type": "string", "maxLength": MAX_CHARACTERS, "default": ""},
    example="gradient desc",
)
WITH_FACETS = Parameter(
    "facets",
    "count what was found by facet; a facet ignores its own parameter",
    {"type": "boolean", "default": False},
)
SEARCH_PARAMETERS = (Q, *PARAMETERS, LIMIT, CURSOR, WITH_FACETS, ANSWERS, FORMAT)
_KNOWN = (*NAMES, *(parameter.name for parameter in SEARCH_PARAMETERS))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a query asks for, resolved for one caller.

    `free` are the banks that it may read when it names none; `engine` is that of the pages before.
    """

    q: str
    wanted: Wanted
    free: frozenset[str]
    facets: bool
    reading: Reading
    text_format: str
    engine: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found: `rest` are members of the answer beside items, highlights and cursor."""

    hits: Sequence[Hit]
    following: int | None
    rest: dict[str, Any]
    settled: bool = True


class SearchQuestions:
    """Searches, with the engine that can, and remembers answers while nothing moves."""

    def __init__(self, searcher: Searcher, catalog: Catalog, editions: Editions) -> None:
        """Answer from `catalog` what `searcher` finds."""
        self._searcher = searcher
        self._catalog = catalog
        self._editions = editions
        self._kept: Kept = make_kept()

    async def __call__(self, query: bytes, caller: Caller, headers: Headers) -> Reply:
        """Answer one search."""
        mark = self._catalog.mark
        key = (ROUTE, query, self._catalog.rights.view(caller))
        kept = self._kept.get(mark, key)
        if kept is not None:
            return reading_reply(kept[0], caller, headers, public=True, etag=kept[1])
        plan = self._plan(query, caller)
        engines = await self._engines(plan, headers)
        # Taken before: an engine that moves while it is asked may not have looked at what came.
        reached = {engine.name: engine.mark for engine in engines}
        body, engine, settled = await self._answer(plan, engines)
        if self._catalog.is_secret(plan.reading):
            return reading_reply(body, caller, headers, public=False, storable=False)
        etag = etag_of(body)
        is_settled = settled and mark is self._catalog.mark and reached[engine.name] == mark
        if is_settled and plan.reading.right is None and len(body) <= KEPT_LENGTH:
            self._kept.put(mark, key, (body, etag), len(body))
        return reading_reply(body, caller, headers, public=True, etag=etag)

    def _plan(self, query: bytes, caller: Caller) -> Plan:
        pairs = split_query(query)
        reject_unknown(pairs, _KNOWN)
        limit = take(pairs, "limit", whole(1, MAX_LIMIT), DEFAULT_LIMIT)
        facets = take(pairs, "facets", boolean, default=False)
        answers, text_format = take_answers(pairs), take_format(pairs)
        q = take(pairs, "q", text(0, ANY_LENGTH), None)
        cleaned = None if q is None else _cleaned(q)
        cursor = take(pairs, "cursor", text(1, MAX_CURSOR), None)
        asked = parse_filter(pairs, self._catalog.known(caller))
        place, engine = 0, None
        if cursor is not None:
            q, asked, place, engine = self._resumed(pairs, asked, cleaned, cursor)
            cleaned = _cleaned(q)
        reading = self._catalog.reading(caller, asked.bank.any, answers)
        free = self._catalog.reading(caller, (), answers).banks
        wanted = Wanted(cleaned or "", asked, reading.banks, limit, place)
        return Plan(q or "", wanted, free, facets, reading, text_format, engine)

    def _resumed(
        self, pairs: Pairs, asked: QuestionFilter, cleaned: str | None, cursor: str
    ) -> tuple[str, QuestionFilter, int, str]:
        values: Any = open_cursor(self._catalog.secrets, ROUTE, cursor)["v"]
        q, held, place, engine, epoch = values
        if epoch != self._catalog.mark.epoch:
            raise resync_required()
        if cleaned is not None and cleaned != _cleaned(q):
            raise differs(["q"])
        return q, resume(pairs, asked, held), place, engine

    async def _engines(self, plan: Plan, headers: Headers) -> Sequence[Engine]:
        """Return the engines that may answer, best first; none is asked for a list."""
        engines: Sequence[Engine] = self._searcher.engines
        if plan.engine is not None:
            begun = self._searcher.engine(plan.engine)
            if begun is None:
                raise resync_required()
            engines = [begun]
        demanded = headers.get(MIN_EDITION)
        if demanded is not None and plan.wanted.text:
            mark = self._editions.opened(demanded.decode("latin-1"))
            return await self._searcher.wait(mark, engines)
        return engines

    async def _answer(self, plan: Plan, engines: Sequence[Engine]) -> tuple[bytes, Engine, bool]:
        index = self._catalog.index
        failure: EngineUnavailableError | None = None
        for engine in engines:
            try:
                outcome = await self._outcome(plan, engine)
            except EngineUnavailableError as error:
                failure = error
                continue
            if index is not self._catalog.index:
                # History was replaced meanwhile: these numbers mean other questions now.
                raise not_caught_up()
            return await self._body(plan, engine, outcome), engine, outcome.settled
        if plan.engine is not None and len(self._searcher.engines) > 1:
            # Another engine has another order: the walk has to begin anew.
            raise resync_required()
        raise search_unavailable(failure)

    async def _outcome(self, plan: Plan, engine: Engine) -> Outcome:
        wanted = plan.wanted
        if not wanted.text:
            return self._listed(plan, engine)
        rest: dict[str, Any] = {}
        count = None
        if plan.facets:
            # Counted first, so that an engine may find all of it at once.
            count, rest["facets"] = await self._searcher.count_facets(engine, wanted)
        page = await self._searcher.page(engine, wanted)
        if wanted.offset == 0 and page.following is None:
            count = Count(BitMap(hit.number for hit in page.hits), capped=False)
        elif count is None:
            count = await self._searcher.count(engine, wanted)
        rest |= {"total": len(count.numbers), "total_capped": count.capped}
        reason = None
        if not page.hits and wanted.offset == 0:
            reason = await self._reason(plan, engine)
        rest |= {"corrected": page.corrected, "engine": engine.name, "reason": reason}
        return Outcome(page.hits, page.following, rest, page.settled)

    def _listed(self, plan: Plan, engine: Engine) -> Outcome:
        wanted = plan.wanted
        members = self._searcher.members(wanted)
        high = members.rank(wanted.offset - 1) if wanted.offset else len(members)
        numbers = list(members[max(0, high - wanted.limit) : high])[::-1]
        hits = [Hit(number, 0, 0, 0.0, "") for number in numbers]
        rest: dict[str, Any] = {"total": len(members), "total_capped": False}
        if plan.facets:
            rest["facets"] = self._searcher.listed_facets(wanted)
        reason = None
        if not members:
            left = len(self._catalog.members(plan.free, NOTHING))
            reason = _reason(None, left)
        rest |= {"corrected": None, "engine": engine.name, "reason": reason}
        return Outcome(hits, numbers[-1] if high > wanted.limit else None, rest)

    async def _reason(self, plan: Plan, engine: Engine) -> dict[str, object]:
        if plan.wanted.filter == NOTHING:
            return _reason(None, 0)
        free = replace(plan.wanted, banks=plan.free)
        count, found = await self._searcher.unfiltered(engine, free)
        return _reason(found.corrected, len(count.numbers))

    async def _body(self, plan: Plan, engine: Engine, outcome: Outcome) -> bytes:
        catalog = self._catalog
        members = self._searcher.members(plan.wanted)
        hits = [hit for hit in outcome.hits if hit.number in members]
        numbers = [hit.number for hit in hits]
        keys, ids = catalog.live_keys(numbers), catalog.index.ids(numbers)
        highlights = {
            str(UUID(bytes=question_id)): {"stem": marked(hit.stem)}
            for hit, key, question_id in zip(hits, keys, ids, strict=True)
            if key_of(hit.number, hit.revision) == key and HIGHLIGHT_START in hit.stem
        }
        cursor = None
        if outcome.following is not None:
            values = [plan.q, hold(plan.wanted.filter), outcome.following, engine.name]
            place: dict[str, object] = {"v": [*values, catalog.mark.epoch]}
            cursor = seal_cursor(catalog.secrets, ROUTE, place)
        rest = {"highlights": highlights, **outcome.rest, "next_cursor": cursor}
        composed = catalog.compose_live(numbers, plan.reading, plan.text_format)
        if not isinstance(composed, Composed):
            composed = await composed
        return composed.joined(orjson.dumps(rest)[1:-1])


def marked(stem: str) -> str:
    """Return a stem with an engine's marks as HTML in which nothing else is a tag."""
    escaped = html.escape(stem)
    return escaped.replace(HIGHLIGHT_START, "<mark>").replace(HIGHLIGHT_END, "</mark>")


def _cleaned(q: str) -> str:
    try:
        return clean_query(q)
    except QueryTooLongError as error:
        raise invalid(FieldError("invalid_value", str(error), parameter="q")) from error


def _reason(corrected: str | None, without_filter: int) -> dict[str, object]:
    return {
        "corrected": corrected,
        "excluded_by": "filter" if without_filter else None,
        "without_filter": without_filter,
    }
