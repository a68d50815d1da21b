"""The Meilisearch engine meets the contract of engines, on the fake and on a real server."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar

import pytest
from sqlmodel import Session

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.engine import Synonyms
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.engine import MeilisearchEngine
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.conftest import SERVERS
from tests.search.support.engine_contract import EngineContract
from tests.search.support.mirroring import FAST_TIMINGS, AnyMeili, ExternalMeili, running_server


class FixedSynonyms:
    """A loader of the synonyms that the contract's test of synonyms needs."""

    current: ClassVar[Synonyms] = {
        "too complex model": ("overfitting",),
        "overfitting": ("too complex model",),
        "knn": ("k nearest neighbours",),
        "k nearest neighbours": ("knn",),
    }

    def load(self, session: Session) -> None:
        pass


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AnyMeili]:
    with running_server(request.param, Path(tmp_path_factory.mktemp("server"))) as server:
        yield server


@asynccontextmanager
async def running_engine(
    database: Database, settings: Settings
) -> AsyncIterator[MeilisearchEngine]:
    """Run a Meilisearch engine and its mirror."""
    engine = MeilisearchEngine(
        database, settings, VocabularySnapshot(), FixedSynonyms(), FAST_TIMINGS
    )
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class TestMeilisearch(EngineContract):
    @pytest.fixture
    def settings(self, fresh_settings, server: AnyMeili) -> Iterator[Settings]:
        settings = fresh_settings(
            meili_url=server.url,
            meili_key=server.key,
            search_prefix=f"test-{secrets.token_hex(4)}",
        )
        yield settings
        if isinstance(server, ExternalMeili):
            client = AdminClient(settings)
            for index in client.index_creation_times(settings.search_prefix):
                client.delete_index(index)

    def running(self, database, settings):
        return running_engine(database, settings)
