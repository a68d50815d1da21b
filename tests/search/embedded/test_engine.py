"""The embedded engine repairs its index, and its results reveal nothing that is restricted."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from pyroaring import BitMap
from sqlalchemy import text

from app.core.db.database import Database
from app.core.db.edition_clock import start_epoch
from app.core.settings import Settings
from app.search.embedded import tables
from app.search.embedded.engine import EmbeddedEngine
from app.search.embedded.index_file import SCHEMA_VERSION, IndexFiles, open_index
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START, EngineUnavailableError
from app.search.text.query import clean_query
from tests.search.embedded.test_contract import embedded
from tests.search.support.worlds import (
    TYPED_QUERIES,
    World,
    hit_numbers,
    matching_numbers,
    search,
    search_hits,
    wait_until_indexed,
)

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


def current_file(settings: Settings) -> Path:
    path = IndexFiles(settings.data_dir).current()
    assert path is not None
    return path


def index_file_names(settings: Settings) -> set[str]:
    return {path.name for path in settings.data_dir.glob("search-*.db")}


async def do_nothing(_: EmbeddedEngine) -> None:
    return


async def until_found(engine: EmbeddedEngine, world: World, query: str, wanted: int) -> None:
    """Search until the index is rebuilt; until then the engine may be unavailable."""
    async with asyncio.timeout(60):
        while True:
            try:
                if await hit_numbers(engine, world.request(query)) == [wanted]:
                    return
            except EngineUnavailableError:
                pass
            await asyncio.sleep(0.01)


def test_an_existing_index_is_reused(world, run_with_engine, settings) -> None:
    wanted = world.publish("What is entropy?")
    run_with_engine(do_nothing)
    before = current_file(settings)
    later = world.publish("What is cross entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        assert await hit_numbers(engine, world.request("entropy")) == [wanted, later]

    run_with_engine(check)
    assert current_file(settings) == before
    assert index_file_names(settings) == {before.name}


@pytest.mark.parametrize(
    "damage", ["missing", "garbage", "empty", "version", "pointer", "truncated"]
)
def test_a_damaged_index_is_rebuilt(world, run_with_engine, settings, damage: str) -> None:
    wanted = world.publish("What is entropy?")
    run_with_engine(do_nothing)
    path = current_file(settings)
    match damage:
        case "missing":
            path.unlink(missing_ok=True)
        case "garbage":
            path.write_bytes(b"no database " * 4096)
        case "empty":
            path.write_bytes(b"")
        case "version":
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        case "pointer":
            (settings.data_dir / f"search-{SCHEMA_VERSION}.pointer").write_bytes(
                b"../../etc/passwd\xff"
            )
        case "truncated":
            os.truncate(path, path.stat().st_size // 2)

    async def check(engine: EmbeddedEngine) -> None:
        assert await hit_numbers(engine, world.request("entropy")) == [wanted]

    run_with_engine(check)
    assert index_file_names(settings) == {current_file(settings).name}
    assert current_file(settings).name != path.name or damage == "pointer"


def test_an_index_that_is_damaged_while_in_use_is_rebuilt(world, run_with_engine, settings) -> None:
    wanted = world.publish("What is entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        path = current_file(settings)
        # Move the WAL into the file, and overwrite every page but the first.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        await until_found(engine, world, "entropy", wanted)
        assert current_file(settings) != path

    run_with_engine(check)


def test_an_index_that_loses_a_table_while_in_use_is_rebuilt(
    world, run_with_engine, settings
) -> None:
    wanted = world.publish("What is entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        with closing(sqlite3.connect(current_file(settings))) as connection:
            connection.execute("DROP TABLE vocabulary_1")
            connection.execute("DROP TABLE bank_1")
            connection.commit()
        await until_found(engine, world, "entropy", wanted)

    run_with_engine(check)


def test_an_index_whose_files_are_deleted_while_in_use_is_rebuilt(
    world, run_with_engine, settings
) -> None:
    wanted = world.publish("What is entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        for path in settings.data_dir.glob("search-*"):
            path.unlink(missing_ok=True)
        later = world.publish("What is variance?")
        await wait_until_indexed(engine, world)
        assert await hit_numbers(engine, world.request("variance")) == [later]
        assert await hit_numbers(engine, world.request("entropy")) == [wanted]
        assert index_file_names(settings) == {current_file(settings).name}

    run_with_engine(check)


def test_a_new_epoch_rebuilds_the_index(world, run_with_engine, database, settings) -> None:
    world.publish("What is entropy?")
    remaining = world.publish("What is variance?")

    async def check(engine: EmbeddedEngine) -> None:
        before = current_file(settings)
        with database.write() as session:
            session.connection().execute(
                text("DELETE FROM published WHERE number <> :remaining"), {"remaining": remaining}
            )
            start_epoch(session)
        await wait_until_indexed(engine, world)
        assert await hit_numbers(engine, world.request("entropy", members=BitMap(range(9)))) == []
        assert await hit_numbers(engine, world.request("variance")) == [remaining]
        assert current_file(settings) != before

    run_with_engine(check)


def test_a_restored_database_rebuilds_the_index(world, run_with_engine, database) -> None:
    """A restored backup has the same epoch and a lower seq."""
    remaining = world.publish("What is variance?")
    before = world.clock()
    world.publish("What is entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        with database.write() as session:
            session.connection().execute(
                text("DELETE FROM published WHERE number <> :remaining"), {"remaining": remaining}
            )
            session.connection().execute(text("UPDATE clock SET seq = :seq"), {"seq": before.seq})
        async with asyncio.timeout(60):
            while engine.mark != before:
                await asyncio.sleep(0.01)
        assert await hit_numbers(engine, world.request("entropy", members=BitMap(range(9)))) == []
        assert await hit_numbers(engine, world.request("variance")) == [remaining]

    run_with_engine(check)


def test_an_older_copy_of_the_index_catches_up(world, run_with_engine, settings, tmp_path) -> None:
    wanted = world.publish("What is entropy?")
    withdrawn = world.publish("What is variance?")
    run_with_engine(do_nothing)
    copy = shutil.copytree(settings.data_dir, tmp_path / "copy")
    later = world.publish("What is cross entropy?")
    world.withdraw(withdrawn)
    run_with_engine(do_nothing)
    for path in settings.data_dir.glob("search-*"):
        path.unlink()
    for path in copy.glob("search-*"):
        shutil.copy(path, settings.data_dir)

    async def check(engine: EmbeddedEngine) -> None:
        assert await hit_numbers(engine, world.request("entropy")) == [wanted, later]
        everything = BitMap(range(100))
        assert await hit_numbers(engine, world.request("variance", members=everything)) == []

    run_with_engine(check)


def test_an_unreadable_question_does_not_stop_the_indexing_of_others(
    world, run_with_engine, database, caplog
) -> None:
    broken = world.publish("What is entropy?")
    with database.write() as session:
        statement = text("UPDATE documents SET body = :body WHERE number = :number")
        session.connection().execute(statement, {"body": b"[1", "number": broken})
    wanted = world.publish("What is cross entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        assert await hit_numbers(engine, world.request("entropy")) == [wanted]

    run_with_engine(check)
    assert f"question number {broken} cannot be indexed" in caplog.text


def test_without_an_index_the_engine_is_unavailable(database, settings) -> None:
    engine = EmbeddedEngine(database, settings)
    world = World(database)
    world.bank("science")
    world.publish("What is entropy?")
    with pytest.raises(EngineUnavailableError):
        asyncio.run(engine.search(world.request("entropy")))
    engine.close()


def test_a_search_that_takes_too_long_is_refused(
    world, run_with_engine, database, settings
) -> None:
    world.publish_all([{"stem": f"What is entropy, part {number}?"} for number in range(3000)])

    async def check(_: EmbeddedEngine) -> None:
        impatient = EmbeddedEngine(database, settings, cutoff=0.0)
        running = asyncio.create_task(impatient.run())
        await wait_until_indexed(impatient, world)
        with pytest.raises(EngineUnavailableError, match="too long"):
            await impatient.search(world.request("entropy"))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        impatient.close()

    run_with_engine(check)


def test_restricted_answers_are_not_searched_even_while_the_index_contains_them(
    world, run_with_engine
) -> None:
    """A change of the bank's rules applies to the next request."""
    world.publish("Which one?", explanation="Because of multicollinearity.")

    async def check(engine: EmbeddedEngine) -> None:
        for query in ("multicollinearity", "multicolinearity", "multicoll", "mu", "m"):
            assert await hit_numbers(engine, world.request(query, answers=("science",)))
            result = await search(engine, world.request(query))
            assert (result.hits, result.corrected, result.more) == ([], None, False)
            assert await matching_numbers(engine, world.request(query), 1001) == []

    run_with_engine(check)


def test_answers_do_not_affect_the_order_where_they_are_not_searched(
    world, run_with_engine
) -> None:
    stems = [f"What is entropy of kind {number}?" for number in range(30)]
    orders: list[list[tuple[int, float]]] = []

    async def check(engine: EmbeddedEngine) -> None:
        found_hits = await search_hits(engine, world.request("entropy kind", limit=30))
        orders.append([(hit.number, hit.score) for hit in found_hits])

    for index, stem in enumerate(stems):
        world.publish(stem, explanation="entropy kind " * index)
    run_with_engine(check)
    for index, number in enumerate(list(world.ids)):
        world.publish(stems[index], number=number, explanation="")
    run_with_engine(check)
    assert orders[0] == orders[1]


def test_withdrawn_questions_give_no_corrections(world, run_with_engine) -> None:
    withdrawn = world.publish("What is heteroscedasticity?")
    world.publish("What is a tree?")

    async def check(engine: EmbeddedEngine) -> None:
        members = world.members("science")
        # First only the members lack the question, then the index too.
        members.discard(withdrawn)
        for _ in range(2):
            result = await search(engine, world.request("heteroscedastcity", members=members))
            assert (result.hits, result.corrected) == ([], None)
            world.withdraw(withdrawn)
            await wait_until_indexed(engine, world)
        everything = world.request("heteroscedastcity", members=BitMap(range(100)))
        assert (await search(engine, everything)).corrected is None

    run_with_engine(check)


def test_a_bank_that_becomes_an_exam_bank_leaves_the_file(world, run_with_engine, settings) -> None:
    world.bank("exam")
    world.publish("What is heteroscedasticity?", "exam")
    run_with_engine(do_nothing)
    world.set_rules("exam", exposure="exam")
    run_with_engine(do_nothing)
    with closing(open_index(current_file(settings), read_only=True)) as connection:
        assert set(tables.read_banks(connection)) == {"science"}
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        assert (
            not [name for name in names if name.startswith(("bank_1_", "vocabulary_1"))]
            or len([name for name in names if name.startswith("vocabulary_")]) == 1
        )


def test_a_bank_does_not_affect_the_order_in_another(world, run_with_engine) -> None:
    """The score of a hit depends on its own bank alone."""
    world.bank("other")
    for number in range(20):
        world.publish(f"What is entropy, for the {number}th time?")
    scores: list[list[tuple[int, float]]] = []

    async def check(engine: EmbeddedEngine) -> None:
        request = world.request("what entropy time", "science")
        scores.append([(hit.number, hit.score) for hit in await search_hits(engine, request)])

    run_with_engine(check)
    for number in range(20):
        world.publish(f"What time is it, {number}?", "other")
    run_with_engine(check)
    assert scores[0] == scores[1]


def test_pages_of_scored_and_unscored_matches_contain_each_once(world, run_with_engine) -> None:
    """More matches than are scored: pages contain each one once, up to the thousandth."""
    world.publish_all([{"stem": f"What is entropy, part {number}?"} for number in range(700)])
    best = world.publish("Entropy?")

    async def check(engine: EmbeddedEngine) -> None:
        seen: list[int] = []
        for offset in range(0, 800, 100):
            seen += await hit_numbers(engine, world.request("entropy", limit=100, offset=offset))
        assert len(seen) == len(set(seen)) == 701
        assert seen[0] == best
        assert len(await matching_numbers(engine, world.request("entropy"), 1001)) == 701
        few = BitMap(list(world.members("science"))[100:130])
        remaining = await matching_numbers(engine, world.request("entropy", members=few), 1001)
        assert sorted(remaining) == list(few)

    run_with_engine(check)


def test_no_query_raises_or_is_read_as_syntax(world, run_with_engine) -> None:
    wanted = world.publish("What does gradient descent minimise in C++?")
    queries: list[str] = []

    async def check(engine: EmbeddedEngine) -> None:
        for query in queries:
            request = world.request(query)
            result = await engine.search(request)
            for hit in result.hits:
                assert hit.number == wanted
                plain = hit.stem.replace(HIGHLIGHT_START, "").replace(HIGHLIGHT_END, "")
                assert plain == "What does gradient descent minimise in C++?"

    @examples(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TYPED_QUERIES)
    def collect(typed: str) -> None:
        with suppress(ValueError):
            if clean_query(typed):
                queries.append(typed)

    collect()
    assert len(queries) > 50
    run_with_engine(check)
