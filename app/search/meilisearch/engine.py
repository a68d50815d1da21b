"""The Meilisearch engine: sends searches to the indexes that the mirror keeps up to date.

It refuses to search, with EngineUnavailableError, while an index is missing or the server fails.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.settings import Settings
from app.search.engine import (
    HIGHLIGHT_END,
    HIGHLIGHT_START,
    EngineUnavailableError,
    Hit,
    SearchRequest,
    SearchResult,
    Tier,
)
from app.search.indexing.context import SynonymLoader
from app.search.meilisearch.client import SearchClient
from app.search.meilisearch.correction import corrected_query
from app.search.meilisearch.failures import FailureKind, ServerError
from app.search.meilisearch.filter_expression import filter_conditions
from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.meilisearch.indexes.index_settings import ANSWER_FIELD, PUBLIC_FIELDS
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.status import MirrorStatus, bank_needs_index, read_status
from app.search.meilisearch.timings import DEFAULT_TIMINGS, Timings
from app.search.text.query import query_tokens
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

STATUS_POLL_SECONDS = 0.25
REACH_POLL_SECONDS = 0.02
NEEDS_INDEX_CACHE_SECONDS = 1.0
# After a failure no request is sent for this long; the time doubles with each further failure.
CIRCUIT_OPEN_SECONDS = 0.5
CIRCUIT_OPEN_MAX_SECONDS = 5.0
MAX_FEDERATED_QUERIES = 60


class MeilisearchEngine:
    """One worker's engine, with the worker's own mirror thread."""

    name = "meilisearch"

    def __init__(
        self,
        database: Database,
        settings: Settings,
        vocabularies: VocabularySnapshot,
        synonyms: SynonymLoader | None = None,
        timings: Timings = DEFAULT_TIMINGS,
    ) -> None:
        """Prepare the engine; `run` starts it.

        The mirror's thread loads `synonyms`, so no other thread may use that loader.
        """
        self._database = database
        self._prefix = settings.search_prefix
        self._vocabularies = vocabularies
        self._client = SearchClient(settings)
        self._mirror = Mirror(database, settings, synonyms, timings)
        self._circuit_open_until = 0.0
        self._failures = 0
        self._needs_index_cache: dict[str, tuple[float, bool]] = {}
        self.status = MirrorStatus()

    @property
    def mark(self) -> Mark:
        """The public state that every index has reached."""
        return self.status.reached

    async def search(self, asked: SearchRequest) -> SearchResult:
        """Return a page of hits; EngineUnavailableError when no search is possible."""
        found = await self._find(asked, asked.limit + 1, asked.offset, full_hits=True)
        hits = [_hit(fields) for fields in found[: asked.limit]]
        return SearchResult(hits, more=len(found) > asked.limit, corrected=_corrected(asked, hits))

    async def matching_numbers(
        self, searches: Sequence[SearchRequest], most: int
    ) -> list[list[int]]:
        """Return for each search the numbers of at most `most` matching questions."""
        found = await asyncio.gather(
            *(self._find(asked, most, 0, full_hits=False) for asked in searches)
        )
        return [[fields["id"] for fields in hits] for hits in found]

    async def wait_for_mark(self, wanted: Mark, seconds: float) -> bool:
        """Wait until every index contains the state `wanted`; False after `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.mark.covers(wanted):
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(REACH_POLL_SECONDS)
            await self._refresh_status()
        return True

    async def run(self) -> None:
        """Run the mirror and poll its status until cancelled."""
        self._mirror.start()
        try:
            while True:
                await self._refresh_status()
                await asyncio.sleep(STATUS_POLL_SECONDS)
        finally:
            await asyncio.shield(asyncio.to_thread(self._mirror.stop))
            await self._client.close()

    async def _refresh_status(self) -> None:
        with suppress(SQLAlchemyError):
            self.status = await asyncio.to_thread(read_status, self._database, self.status)

    async def _find(
        self, asked: SearchRequest, limit: int, offset: int, *, full_hits: bool
    ) -> list[dict[str, Any]]:
        """Return the server's hits; without `full_hits` they have only an id."""
        banks = await self._banks_with_index(asked.banks)
        if not banks:
            return []
        if time.monotonic() < self._circuit_open_until:
            message = "the search server failed a moment ago"
            raise EngineUnavailableError(message)
        found = await self._send(asked, [(asked.text, 1.0)], banks, limit, offset, full_hits)
        suffixes = _suffixes(asked.text, MAX_FEDERATED_QUERIES // len(banks))
        if found.get("estimatedTotalHits") or not suffixes:
            return list(found["hits"])
        # The server drops words from the end of a query only. A first word that no question
        # contains would hide all hits, so search again without the first words.
        found = await self._send(asked, suffixes, banks, limit, offset, full_hits)
        return [hit | {"fewer": True} for hit in found["hits"]]

    async def _send(  # noqa: PLR0913, PLR0917 - the parts of one request
        self,
        asked: SearchRequest,
        weighted_texts: Sequence[tuple[str, float]],
        banks: Sequence[str],
        limit: int,
        offset: int,
        full_hits: bool,
    ) -> dict[str, Any]:
        """Send one search, or one federated search for several texts or banks."""
        conditions = filter_conditions(asked.filter, self._vocabularies.current)
        page = {"limit": limit, "offset": offset}
        try:
            if len(banks) == len(weighted_texts) == 1:
                path = f"/indexes/{live_index_name(self._prefix, banks[0])}/search"
                text = weighted_texts[0][0]
                query = _query(asked, text, banks[0], conditions, full_hits=full_hits)
                result = await self._client.search(path, query | page)
            else:
                queries = [
                    _query(asked, text, bank, conditions, full_hits=full_hits)
                    | {
                        "indexUid": live_index_name(self._prefix, bank),
                        "federationOptions": {"weight": weight},
                    }
                    for text, weight in weighted_texts
                    for bank in banks
                ]
                body = {"federation": page, "queries": queries}
                result = await self._client.search("/multi-search", body)
        except ServerError as error:
            self._record_failure(error)
            message = f"the search server cannot answer: {error.code}"
            raise EngineUnavailableError(message) from error
        self._failures = 0
        return result

    def _record_failure(self, error: ServerError) -> None:
        """Open the circuit breaker when the server is unavailable."""
        if error.kind is FailureKind.UNAVAILABLE:
            self._failures += 1
            pause = min(
                CIRCUIT_OPEN_SECONDS * 2.0 ** (self._failures - 1), CIRCUIT_OPEN_MAX_SECONDS
            )
            self._circuit_open_until = time.monotonic() + pause

    async def _banks_with_index(self, banks: Sequence[str]) -> list[str]:
        """Return the banks that have a live index.

        EngineUnavailableError if another bank has published questions, and so lacks its index.
        """
        status = self.status
        for bank in banks:
            if bank not in status.live_banks and await self._needs_index(bank):
                message = "the search index is being built"
                raise EngineUnavailableError(message)
        return [bank for bank in banks if bank in status.live_banks]

    async def _needs_index(self, bank: str) -> bool:
        now = time.monotonic()
        expires_at, needed = self._needs_index_cache.get(bank, (0.0, True))
        if now >= expires_at:
            needed = await asyncio.to_thread(
                bank_needs_index, self._database, bank, self.status.mark
            )
            self._needs_index_cache = {bank: (now + NEEDS_INDEX_CACHE_SECONDS, needed)}
        return needed


def _suffixes(text: str, limit: int) -> list[tuple[str, float]]:
    """Return the query without its first 1, 2, … words, with weights that fall with the length."""
    starts = [word.start for word in query_tokens(text) if not word.is_compound]
    dropped_counts = range(1, min(len(starts), limit + 1))
    return [(text[starts[dropped] :], 1.0 - dropped / len(starts)) for dropped in dropped_counts]


def _query(
    asked: SearchRequest, text: str, bank: str, conditions: list[str], *, full_hits: bool
) -> dict[str, Any]:
    """Return the JSON of one bank's query."""
    fields = list(PUBLIC_FIELDS)
    if bank in asked.answer_banks:
        fields.append(ANSWER_FIELD)
    query: dict[str, Any] = {
        # The server's dictionary of terms such as C++ is case-sensitive.
        "q": text.lower(),
        "filter": conditions,
        "attributesToSearchOn": fields,
        "attributesToRetrieve": ["id", "revision"] if full_hits else ["id"],
    }
    if full_hits:
        query |= {
            "attributesToHighlight": ["stem"],
            "highlightPreTag": HIGHLIGHT_START,
            "highlightPostTag": HIGHLIGHT_END,
            "showRankingScore": True,
            "showRankingScoreDetails": True,
        }
    return query


def _hit(fields: dict[str, Any]) -> Hit:
    details = fields.get("_rankingScoreDetails", {})
    matched, typos = details.get("words", {}), details.get("typo", {})
    tier = Tier.ANY_FIELD
    if "fewer" in fields or matched.get("matchingWords", 0) < matched.get("maxMatchingWords", 0):
        tier = Tier.PARTIAL
    elif typos.get("typoCount", 0):
        tier = Tier.CORRECTED
    return Hit(
        number=fields["id"],
        revision=fields["revision"],
        tier=tier,
        score=fields.get("_rankingScore", 0.0),
        stem=fields["_formatted"]["stem"],
    )


def _corrected(asked: SearchRequest, hits: Sequence[Hit]) -> str | None:
    """Return the corrected query, read from the best hit that the caller may see."""
    best = next((hit for hit in hits if hit.number in asked.members), None)
    if best is None or best.tier < Tier.CORRECTED:
        return None
    return corrected_query(asked.text, best.stem)
