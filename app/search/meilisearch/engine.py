"""The Meilisearch engine: asks the indexes that the mirror keeps, while they are right."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.settings import Settings
from app.search.engine import MARK_END, MARK_START, Asked, EngineUnavailableError, Found, Hit, Tier
from app.search.indexing.context import SynonymLoader
from app.search.meilisearch.client import Searches
from app.search.meilisearch.correction import corrected
from app.search.meilisearch.failures import Kind, ServerError
from app.search.meilisearch.filter_expression import expression
from app.search.meilisearch.index_names import live_name
from app.search.meilisearch.index_settings import ANSWER_FIELD, PUBLIC_FIELDS
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.status import Status, is_expected, read_status
from app.search.meilisearch.timings import PACE, Pace
from app.search.text.query import query_words
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

IDLE_SECONDS = 0.25
WAITING_SECONDS = 0.02
EXPECTED_SECONDS = 1.0
# After a failure nobody waits for the same again, this long at first and at most.
BREAK_SECONDS = 0.5
BREAK_MOST = 5.0
MOST_QUERIES = 60


class MeilisearchEngine:
    """One worker's engine; its mirror is one of those that want the lease."""

    name = "meilisearch"

    def __init__(
        self,
        database: Database,
        settings: Settings,
        glossary: VocabularySnapshot,
        synonyms: SynonymLoader | None = None,
        pace: Pace = PACE,
    ) -> None:
        """Prepare; `run` begins. `synonyms` is the mirror's own loader, not a shared one."""
        self._database = database
        self._prefix = settings.search_prefix
        self._glossary = glossary
        self._searches = Searches(settings)
        self._mirror = Mirror(database, settings, synonyms, pace)
        self._waiters = 0
        self._broken_until = 0.0
        self._failures = 0
        self._absent: dict[str, tuple[float, bool]] = {}
        self.status = Status()

    @property
    def mark(self) -> Mark:
        """The state of what is public that every index has reached."""
        return self.status.reached

    async def search(self, asked: Asked) -> Found:
        """Return the page of hits; EngineUnavailableError when there can be none now."""
        found = await self._ask(asked, asked.limit + 1, asked.offset, shown=True)
        hits = [_hit(values) for values in found[: asked.limit]]
        return Found(hits, more=len(found) > asked.limit, corrected=_corrected(asked, hits))

    async def numbers(self, searches: Sequence[Asked], most: int) -> list[list[int]]:
        """Return for each search the numbers of at most `most` questions that match."""
        found = await asyncio.gather(
            *(self._ask(asked, most, 0, shown=False) for asked in searches)
        )
        return [[values["id"] for values in hits] for hits in found]

    async def reach(self, wanted: Mark, seconds: float) -> bool:
        """Wait until every index holds the state `wanted`; False when that takes too long."""
        deadline = time.monotonic() + seconds
        self._waiters += 1
        try:
            while not self.mark.covers(wanted):
                if time.monotonic() >= deadline:
                    return False
                await asyncio.sleep(WAITING_SECONDS)
                await self._refresh()
        finally:
            self._waiters -= 1
        return True

    async def run(self) -> None:
        """Mirror, if no other process does, and know how far that is, until cancelled."""
        self._mirror.start()
        try:
            while True:
                await self._refresh()
                await asyncio.sleep(IDLE_SECONDS)
        finally:
            await asyncio.shield(asyncio.to_thread(self._mirror.stop))
            await self._searches.close()

    async def _refresh(self) -> None:
        with suppress(SQLAlchemyError):
            self.status = await asyncio.to_thread(read_status, self._database, self.status)

    async def _ask(
        self, asked: Asked, limit: int, offset: int, *, shown: bool
    ) -> list[dict[str, Any]]:
        banks = await self._present(asked.banks)
        if not banks:
            return []
        if time.monotonic() < self._broken_until:
            message = "the search server failed a moment ago"
            raise EngineUnavailableError(message)
        found = await self._send(asked, [(asked.text, 1.0)], banks, limit, offset, shown)
        shorter = _shorter(asked.text, MOST_QUERIES // len(banks))
        if found.get("estimatedTotalHits") or not shorter:
            return list(found["hits"])
        # The server leaves out words from the end only, so one at the start that nothing holds
        # would hide everything.
        found = await self._send(asked, shorter, banks, limit, offset, shown)
        return [hit | {"fewer": True} for hit in found["hits"]]

    async def _send(  # noqa: PLR0913, PLR0917 - the parts of one request
        self,
        asked: Asked,
        texts: Sequence[tuple[str, float]],
        banks: Sequence[str],
        limit: int,
        offset: int,
        shown: bool,
    ) -> dict[str, Any]:
        conditions = expression(asked.filter, self._glossary.current)
        page = {"limit": limit, "offset": offset}
        try:
            if len(banks) == len(texts) == 1:
                path = f"/indexes/{live_name(self._prefix, banks[0])}/search"
                query = _query(asked, texts[0][0], banks[0], conditions, shown=shown)
                answer = await self._searches.ask(path, query | page)
            else:
                queries = [
                    _query(asked, text, bank, conditions, shown=shown)
                    | {
                        "indexUid": live_name(self._prefix, bank),
                        "federationOptions": {"weight": weight},
                    }
                    for text, weight in texts
                    for bank in banks
                ]
                body = {"federation": page, "queries": queries}
                answer = await self._searches.ask("/multi-search", body)
        except ServerError as error:
            self._failed(error)
            message = f"the search server cannot answer: {error.code}"
            raise EngineUnavailableError(message) from error
        self._failures = 0
        return answer

    def _failed(self, error: ServerError) -> None:
        if error.kind is Kind.DOWN:
            self._failures += 1
            pause = min(BREAK_SECONDS * 2.0 ** (self._failures - 1), BREAK_MOST)
            self._broken_until = time.monotonic() + pause

    async def _present(self, banks: Sequence[str]) -> list[str]:
        """Return the banks with an index; one that cannot have anything in it yet needs none."""
        status = self.status
        for bank in banks:
            if bank not in status.live and await self._is_expected(bank):
                message = "the search index is being built"
                raise EngineUnavailableError(message)
        return [bank for bank in banks if bank in status.live]

    async def _is_expected(self, bank: str) -> bool:
        now = time.monotonic()
        until, expected = self._absent.get(bank, (0.0, True))
        if now >= until:
            expected = await asyncio.to_thread(is_expected, self._database, bank, self.status.mark)
            self._absent = {bank: (now + EXPECTED_SECONDS, expected)}
        return expected


def _shorter(text: str, most: int) -> list[tuple[str, float]]:
    """Return what is left of the query without its first words, weighing less the less it is."""
    starts = [word.start for word in query_words(text) if not word.joined]
    rests = range(1, min(len(starts), most + 1))
    return [(text[starts[place] :], 1.0 - place / len(starts)) for place in rests]


def _query(
    asked: Asked, text: str, bank: str, conditions: list[str], *, shown: bool
) -> dict[str, Any]:
    fields = list(PUBLIC_FIELDS)
    if bank in asked.answer_banks:
        fields.append(ANSWER_FIELD)
    query: dict[str, Any] = {
        # The dictionary of terms such as C++ minds case.
        "q": text.lower(),
        "filter": conditions,
        "attributesToSearchOn": fields,
        "attributesToRetrieve": ["id", "revision"] if shown else ["id"],
    }
    if shown:
        query |= {
            "attributesToHighlight": ["stem"],
            "highlightPreTag": MARK_START,
            "highlightPostTag": MARK_END,
            "showRankingScore": True,
            "showRankingScoreDetails": True,
        }
    return query


def _hit(values: dict[str, Any]) -> Hit:
    details = values.get("_rankingScoreDetails", {})
    matched, typos = details.get("words", {}), details.get("typo", {})
    tier = Tier.ALL
    if "fewer" in values or matched.get("matchingWords", 0) < matched.get("maxMatchingWords", 0):
        tier = Tier.FEWER
    elif typos.get("typoCount", 0):
        tier = Tier.CORRECTED
    return Hit(
        number=values["id"],
        revision=values["revision"],
        tier=tier,
        score=values.get("_rankingScore", 0.0),
        stem=values["_formatted"]["stem"],
    )


def _corrected(asked: Asked, hits: Sequence[Hit]) -> str | None:
    """Return what was taken for the query, as the best of the hits that may be shown tells."""
    best = next((hit for hit in hits if hit.number in asked.members), None)
    if best is None or best.tier < Tier.CORRECTED:
        return None
    return corrected(asked.text, best.stem)
