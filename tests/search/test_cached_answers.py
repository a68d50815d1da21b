"""A search response is cached only if the index was current before the search."""

import asyncio
from collections.abc import Sequence

import orjson

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import ANONYMOUS
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.http.replies import Reply
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published.editions import Editions
from app.published.follower import Follower
from app.search.embedded.engine import EmbeddedEngine
from app.search.endpoint import SearchQuestions
from app.search.engine import SearchRequest, SearchResult
from app.search.service import Searcher
from app.search.synonyms.snapshot import SynonymSnapshot
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.embedded.test_contract import embedded
from tests.search.support.worlds import World, wait_until_indexed


class CatchesUpAfterSearch(EmbeddedEngine):
    """An engine whose index catches up after a search, before the response is made."""

    def __init__(self, database: Database, settings: Settings, world: World) -> None:
        super().__init__(database, settings, cutoff=60.0)
        self._world = world
        self._running: Sequence[asyncio.Task[None]] = ()

    async def search(self, asked: SearchRequest) -> SearchResult:
        found = await super().search(asked)
        if not self._running:
            self._running = [asyncio.create_task(self.run())]
            assert await self.wait_for_mark(self._world.clock(), 60)
        return found

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.close()


def test_a_question_that_is_indexed_during_a_search_is_found_next_time(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    world.publish("What is entropy?")

    async def search_twice() -> None:
        async with embedded(database, settings) as first:
            await wait_until_indexed(first, world)
        world.publish("What is a quokka?")
        access, vocabularies, synonym_snapshot = (
            AccessSnapshot(settings),
            VocabularySnapshot(),
            SynonymSnapshot(),
        )
        secrets = load_secrets(settings)
        catalog = Catalog(database, settings, secrets, access, vocabularies)
        follower = Follower(database, catalog, [access, vocabularies, synonym_snapshot])
        await follower.catch_up()
        engine = CatchesUpAfterSearch(database, settings, world)
        path = engine._files.current()
        assert path is not None
        engine._reader.open(path)
        searcher = Searcher(catalog, synonym_snapshot, [engine])
        search = SearchQuestions(searcher, catalog, Editions(secrets, follower, database))
        totals = []
        for _ in range(2):
            response = search(b"q=quokka", ANONYMOUS, {})
            assert not isinstance(response, Reply), "no response is cached yet"
            totals.append(orjson.loads((await response).body)["total"])
        await engine.stop()
        assert totals == [0, 1]

    asyncio.run(search_twice())
