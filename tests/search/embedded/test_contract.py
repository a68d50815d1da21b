"""The embedded engine satisfies the contract of engines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded.engine import EmbeddedEngine
from tests.search.support.engine_contract import EngineContract


@asynccontextmanager
async def embedded(database: Database, settings: Settings) -> AsyncIterator[EmbeddedEngine]:
    """Run an embedded engine that does not cut off searches on a busy machine."""
    engine = EmbeddedEngine(database, settings, cutoff=60.0)
    running = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        engine.close()


class TestEmbedded(EngineContract):
    def running(self, database, settings):
        return embedded(database, settings)
