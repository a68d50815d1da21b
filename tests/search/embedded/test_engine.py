"""The embedded engine mends itself and tells no more than it may."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from pyroaring import BitMap
from sqlalchemy import text

from app.core.db.database import Database
from app.core.db.edition_clock import start_epoch
from app.core.settings import Settings
from app.search.embedded import tables
from app.search.embedded.engine import EmbeddedEngine
from app.search.embedded.index_file import SCHEMA, Store, open_index
from app.search.engine import MARK_END, MARK_START, EngineUnavailableError
from app.search.text.query import clean_query
from tests.search.embedded.test_contract import embedded
from tests.search.support.worlds import TYPED, World, caught_up, found, hits, matching, numbers
from tests.support.hypothesis_profiles import scaled

Body = Callable[[EmbeddedEngine], Awaitable[None]]
Over = Callable[[Body], None]


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    world.bank("science")
    return world


@pytest.fixture
def over(database: Database, settings: Settings, world: World) -> Over:
    """Run a body with an engine that has caught up; it may be done several times."""

    def run(body: Body) -> None:
        async def whole() -> None:
            async with embedded(database, settings) as engine:
                await caught_up(engine, world)
                await body(engine)

        asyncio.run(whole())

    return run


def current(settings: Settings) -> Path:
    path = Store(settings.data_dir).current()
    assert path is not None
    return path


def files(settings: Settings) -> set[str]:
    return {path.name for path in settings.data_dir.glob("search-*.db")}


async def nothing(_: EmbeddedEngine) -> None:
    return


async def until_found(engine: EmbeddedEngine, world: World, query: str, wanted: int) -> None:
    """Search until the index is whole again; meanwhile it only says that it is not."""
    async with asyncio.timeout(60):
        while True:
            try:
                if await numbers(engine, world.asked(query)) == [wanted]:
                    return
            except EngineUnavailableError:
                pass
            await asyncio.sleep(0.01)


def test_an_index_that_stands_is_taken_up_again(world, over, settings) -> None:
    wanted = world.publish("What is entropy?")
    over(nothing)
    before = current(settings)
    later = world.publish("What is cross entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        assert await numbers(engine, world.asked("entropy")) == [wanted, later]

    over(body)
    assert current(settings) == before
    assert files(settings) == {before.name}


@pytest.mark.parametrize("damage", ["gone", "garbage", "empty", "version", "pointer", "truncated"])
def test_a_damaged_index_is_built_anew(world, over, settings, damage: str) -> None:
    wanted = world.publish("What is entropy?")
    over(nothing)
    path = current(settings)
    match damage:
        case "gone":
            path.unlink(missing_ok=True)
        case "garbage":
            path.write_bytes(b"no database " * 4096)
        case "empty":
            path.write_bytes(b"")
        case "version":
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(f"PRAGMA user_version={SCHEMA + 1}")
        case "pointer":
            (settings.data_dir / f"search-{SCHEMA}.pointer").write_bytes(b"../../etc/passwd\xff")
        case "truncated":
            os.truncate(path, path.stat().st_size // 2)

    async def body(engine: EmbeddedEngine) -> None:
        assert await numbers(engine, world.asked("entropy")) == [wanted]

    over(body)
    assert files(settings) == {current(settings).name}
    assert current(settings).name != path.name or damage == "pointer"


def test_an_index_that_is_damaged_in_use_is_built_anew(world, over, settings) -> None:
    wanted = world.publish("What is entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        path = current(settings)
        # Everything of it is in the one file, and every page of that is spoilt.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        await until_found(engine, world, "entropy", wanted)
        assert current(settings) != path

    over(body)


def test_a_table_that_is_lost_in_use_is_built_anew(world, over, settings) -> None:
    wanted = world.publish("What is entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        with closing(sqlite3.connect(current(settings))) as connection:
            connection.execute("DROP TABLE words_1")
            connection.execute("DROP TABLE bank_1")
            connection.commit()
        await until_found(engine, world, "entropy", wanted)

    over(body)


def test_an_index_whose_files_are_taken_away_in_use_is_built_anew(world, over, settings) -> None:
    wanted = world.publish("What is entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        for path in settings.data_dir.glob("search-*"):
            path.unlink(missing_ok=True)
        later = world.publish("What is variance?")
        await caught_up(engine, world)
        assert await numbers(engine, world.asked("variance")) == [later]
        assert await numbers(engine, world.asked("entropy")) == [wanted]
        assert files(settings) == {current(settings).name}

    over(body)


def test_a_new_epoch_builds_the_index_anew(world, over, database, settings) -> None:
    world.publish("What is entropy?")
    kept = world.publish("What is variance?")

    async def body(engine: EmbeddedEngine) -> None:
        before = current(settings)
        with database.write() as session:
            session.connection().execute(
                text("DELETE FROM published WHERE number <> :kept"), {"kept": kept}
            )
            start_epoch(session)
        await caught_up(engine, world)
        assert await numbers(engine, world.asked("entropy", members=BitMap(range(9)))) == []
        assert await numbers(engine, world.asked("variance")) == [kept]
        assert current(settings) != before

    over(body)


def test_a_restored_database_is_noticed(world, over, database) -> None:
    """A backup that was put back has the same epoch and a lower seq."""
    kept = world.publish("What is variance?")
    before = world.clock()
    world.publish("What is entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        with database.write() as session:
            session.connection().execute(
                text("DELETE FROM published WHERE number <> :kept"), {"kept": kept}
            )
            session.connection().execute(text("UPDATE clock SET seq = :seq"), {"seq": before.seq})
        async with asyncio.timeout(60):
            while engine.mark != before:
                await asyncio.sleep(0.01)
        assert await numbers(engine, world.asked("entropy", members=BitMap(range(9)))) == []
        assert await numbers(engine, world.asked("variance")) == [kept]

    over(body)


def test_an_older_copy_of_the_index_catches_up(world, over, settings, tmp_path) -> None:
    wanted = world.publish("What is entropy?")
    gone = world.publish("What is variance?")
    over(nothing)
    copy = shutil.copytree(settings.data_dir, tmp_path / "copy")
    later = world.publish("What is cross entropy?")
    world.withdraw(gone)
    over(nothing)
    for path in settings.data_dir.glob("search-*"):
        path.unlink()
    for path in copy.glob("search-*"):
        shutil.copy(path, settings.data_dir)

    async def body(engine: EmbeddedEngine) -> None:
        assert await numbers(engine, world.asked("entropy")) == [wanted, later]
        everything = BitMap(range(100))
        assert await numbers(engine, world.asked("variance", members=everything)) == []

    over(body)


def test_a_question_that_cannot_be_read_keeps_no_other_from_being_found(
    world, over, database, caplog
) -> None:
    broken = world.publish("What is entropy?")
    with database.write() as session:
        statement = text("UPDATE documents SET body = :body WHERE number = :number")
        session.connection().execute(statement, {"body": b"[1", "number": broken})
    wanted = world.publish("What is cross entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        assert await numbers(engine, world.asked("entropy")) == [wanted]

    over(body)
    assert f"question number {broken} cannot be indexed" in caplog.text


def test_without_an_index_it_says_so(database, settings) -> None:
    engine = EmbeddedEngine(database, settings)
    world = World(database)
    world.bank("science")
    world.publish("What is entropy?")
    with pytest.raises(EngineUnavailableError):
        asyncio.run(engine.search(world.asked("entropy")))
    engine.close()


def test_a_search_that_takes_too_long_is_refused(world, over, database, settings) -> None:
    world.publish_all([{"stem": f"What is entropy, part {place}?"} for place in range(3000)])

    async def body(_: EmbeddedEngine) -> None:
        hasty = EmbeddedEngine(database, settings, cutoff=0.0)
        running = asyncio.create_task(hasty.run())
        await caught_up(hasty, world)
        with pytest.raises(EngineUnavailableError, match="too long"):
            await hasty.search(world.asked("entropy"))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        hasty.close()

    over(body)


def test_restricted_answers_are_not_searched_before_the_index_is_cleaned(world, over) -> None:
    """The rule decides at the next request, whatever the index still holds."""
    world.publish("Which one?", explanation="Because of multicollinearity.")

    async def body(engine: EmbeddedEngine) -> None:
        for query in ("multicollinearity", "multicolinearity", "multicoll", "mu", "m"):
            assert await numbers(engine, world.asked(query, answers=("science",)))
            answer = await found(engine, world.asked(query))
            assert (answer.hits, answer.corrected, answer.more) == ([], None, False)
            assert await matching(engine, world.asked(query), 1001) == []

    over(body)


def test_words_of_answers_change_no_order_where_they_are_not_asked_for(world, over) -> None:
    stems = [f"What is entropy of kind {place}?" for place in range(30)]
    orders: list[list[tuple[int, float]]] = []

    async def body(engine: EmbeddedEngine) -> None:
        found_hits = await hits(engine, world.asked("entropy kind", limit=30))
        orders.append([(hit.number, hit.score) for hit in found_hits])

    for place, stem in enumerate(stems):
        world.publish(stem, explanation="entropy kind " * place)
    over(body)
    for place, number in enumerate(list(world.ids)):
        world.publish(stems[place], number=number, explanation="")
    over(body)
    assert orders[0] == orders[1]


def test_what_was_withdrawn_corrects_nothing(world, over) -> None:
    gone = world.publish("What is heteroscedasticity?")
    world.publish("What is a tree?")

    async def body(engine: EmbeddedEngine) -> None:
        members = world.members("science")
        # It is withdrawn for the caller first, and a moment later for the index.
        members.discard(gone)
        for _ in range(2):
            answer = await found(engine, world.asked("heteroscedastcity", members=members))
            assert (answer.hits, answer.corrected) == ([], None)
            world.withdraw(gone)
            await caught_up(engine, world)
        everything = world.asked("heteroscedastcity", members=BitMap(range(100)))
        assert (await found(engine, everything)).corrected is None

    over(body)


def test_a_dropped_bank_leaves_nothing_in_the_file(world, over, settings) -> None:
    world.bank("exam")
    world.publish("What is heteroscedasticity?", "exam")
    over(nothing)
    world.rule("exam", exposure="exam")
    over(nothing)
    with closing(open_index(current(settings), reading=True)) as connection:
        assert set(tables.read_banks(connection)) == {"science"}
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        assert (
            not [name for name in names if name.startswith(("bank_1_", "words_1"))]
            or len([name for name in names if name.startswith("words_")]) == 1
        )


def test_banks_do_not_weigh_in_each_others_order(world, over) -> None:
    """The score of a hit depends on its own bank alone."""
    world.bank("other")
    for place in range(20):
        world.publish(f"What is entropy, for the {place}th time?")
    scores: list[list[tuple[int, float]]] = []

    async def body(engine: EmbeddedEngine) -> None:
        asked = world.asked("what entropy time", "science")
        scores.append([(hit.number, hit.score) for hit in await hits(engine, asked)])

    over(body)
    for place in range(20):
        world.publish(f"What time is it, {place}?", "other")
    over(body)
    assert scores[0] == scores[1]


def test_the_ranked_and_the_others_are_told_once_each(world, over) -> None:
    """More matches than are ranked: pages still hold each once, up to the thousandth."""
    world.publish_all([{"stem": f"What is entropy, part {place}?"} for place in range(700)])
    best = world.publish("Entropy?")

    async def body(engine: EmbeddedEngine) -> None:
        seen: list[int] = []
        for offset in range(0, 800, 100):
            seen += await numbers(engine, world.asked("entropy", limit=100, offset=offset))
        assert len(seen) == len(set(seen)) == 701
        assert seen[0] == best
        assert len(await matching(engine, world.asked("entropy"), 1001)) == 701
        few = BitMap(list(world.members("science"))[100:130])
        kept = await matching(engine, world.asked("entropy", members=few), 1001)
        assert sorted(kept) == list(few)

    over(body)


def test_no_query_raises_or_means_more_than_its_words(world, over) -> None:
    wanted = world.publish("What does gradient descent minimise in C++?")
    bodies: list[str] = []

    async def body(engine: EmbeddedEngine) -> None:
        for typed in bodies:
            asked = world.asked(typed)
            answer = await engine.search(asked)
            for hit in answer.hits:
                assert hit.number == wanted
                plain = hit.stem.replace(MARK_START, "").replace(MARK_END, "")
                assert plain == "What does gradient descent minimise in C++?"

    @scaled(1.5, suppress_health_check=list(HealthCheck))
    @given(TYPED)
    def collect(typed: str) -> None:
        with suppress(ValueError):
            if clean_query(typed):
                bodies.append(typed)

    collect()
    assert bodies
    over(body)
