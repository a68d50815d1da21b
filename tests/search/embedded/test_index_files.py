"""The embedded engine reuses, updates and repairs its index file, and rebuilds it if necessary."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import text

from app.core.db.edition_clock import start_epoch
from app.core.settings import Settings
from app.search.embedded import tables
from app.search.embedded.engine import EmbeddedEngine
from app.search.embedded.index_file import SCHEMA_VERSION, IndexFiles, open_index
from app.search.engine import EngineUnavailableError
from tests.search.support.worlds import World, hit_numbers, wait_until_indexed


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
