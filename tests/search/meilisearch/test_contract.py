"""The Meilisearch engine keeps to the contract of engines, on the fake server and on a real one."""

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
from app.search.meilisearch.client import Server
from app.search.meilisearch.engine import MeilisearchEngine
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.conftest import SERVERS
from tests.search.support.engine_contract import EngineContract
from tests.search.support.mirroring import PACE, AnyMeili, LiveMeili, running


class FixedSynonyms:
    """What editors keep, as the contract's test of synonyms wants it."""

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
    with running(request.param, Path(tmp_path_factory.mktemp("server"))) as server:
        yield server


@asynccontextmanager
async def mirrored(database: Database, settings: Settings) -> AsyncIterator[MeilisearchEngine]:
    """Run a Meilisearch engine with the mirror that fills its indexes."""
    engine = MeilisearchEngine(database, settings, VocabularySnapshot(), FixedSynonyms(), PACE)
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
        if isinstance(server, LiveMeili):
            made = Server(settings)
            for uid in made.indexes(settings.search_prefix):
                made.drop_index(uid)

    def running(self, database, settings):
        return mirrored(database, settings)
