"""An embedded engine over a small published world."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded.engine import EmbeddedEngine
from tests.search.embedded.test_contract import embedded
from tests.search.support.worlds import World, wait_until_indexed

Check = Callable[[EmbeddedEngine], Awaitable[None]]
RunWithEngine = Callable[[Check], None]


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    world.bank("science")
    return world


@pytest.fixture
def run_with_engine(database: Database, settings: Settings, world: World) -> RunWithEngine:
    """Give a function that runs a check with an up-to-date engine; it can be called repeatedly."""

    def run(check: Check) -> None:
        async def with_engine() -> None:
            async with embedded(database, settings) as engine:
                await wait_until_indexed(engine, world)
                await check(engine)

        asyncio.run(with_engine())

    return run
