"""Several processes keep one embedded index up, and may die at any moment."""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded import tables
from app.search.embedded.index_file import Store, open_index
from app.search.embedded.synchronizer import Synchronizer
from tests.search.support.worlds import World

ROOT = Path(__file__).parents[3]


@contextmanager
def child(settings: Settings, rows: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.search.support.indexing_child", str(settings.data_dir)]
    process = subprocess.Popen(
        [*command, settings.database_url, str(rows)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def live(database: Database) -> dict[int, int]:
    statement = text("SELECT number, revision FROM published WHERE revision IS NOT NULL")
    with database.read() as session:
        return dict(tuple(row) for row in session.connection().execute(statement))


def indexed(settings: Settings) -> dict[int, int]:
    """Return what the index holds, after its own check of itself."""
    path = Store(settings.data_dir).current()
    assert path is not None
    with closing(open_index(path, reading=False)) as connection:
        found: dict[int, int] = {}
        for bank in tables.read_banks(connection).values():
            connection.execute(
                f"INSERT INTO {bank.table} ({bank.table}) VALUES ('integrity-check')"
            )
            found |= dict(tables.held(connection, bank))
        return found


def settle(settings: Settings, world: World) -> None:
    with closing(Synchronizer(world.database, settings, Store(settings.data_dir))) as last:
        while not last.step(lambda _path, _mark: None):
            time.sleep(0.01)


def change(world: World, chance: random.Random, known: list[int]) -> None:
    """Publish, publish again, withdraw: whatever comes."""
    match chance.randrange(4):
        case 0 | 1:
            stems = [{"stem": f"What is term {chance.randrange(1000)}?"} for _ in range(5)]
            known += world.publish_all(stems)
        case 2 if known:
            world.publish(f"What else is {chance.randrange(1000)}?", number=chance.choice(known))
        case _ if known:
            world.withdraw(chance.choice(known))


@pytest.mark.campaign
def test_two_processes_and_this_one_keep_one_index_up(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    chance = random.Random(1)
    known = world.publish_all([{"stem": f"What is {place}?"} for place in range(60)])
    with child(settings, 7) as one, child(settings, 5) as other:
        for _ in range(60):
            change(world, chance, known)
        settle(settings, world)
        assert indexed(settings) == live(database)
        assert one.poll() is other.poll() is None


@pytest.mark.campaign
def test_a_process_that_is_killed_leaves_an_index_that_goes_on(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    chance = random.Random(2)
    known = world.publish_all([{"stem": f"What is {place}?"} for place in range(200)])
    for round_number in range(6):
        # The first ones die while they build.
        with child(settings, 1) as process:
            for _ in range(3):
                change(world, chance, known)
            time.sleep(chance.random() * 0.2)
            process.kill()
        if round_number % 2:
            settle(settings, world)
            assert indexed(settings) == live(database)
    settle(settings, world)
    assert indexed(settings) == live(database)
    names = {path.name for path in settings.data_dir.glob("search-*.db")}
    assert len(names) == 1, "what a killed builder left is gone"


def test_who_waits_for_another_builder_says_so(database: Database, settings: Settings) -> None:
    World(database).bank("science")
    store = Store(settings.data_dir)
    with closing(Synchronizer(database, settings, store)) as synchronizer:
        with store.alone() as alone:
            assert alone
            with store.alone() as second:
                assert not second
            assert not synchronizer.step(lambda _path, _mark: None)
        assert synchronizer.step(lambda _path, _mark: None)


def test_a_change_is_undone_with_its_mark(database: Database, settings: Settings) -> None:
    """What a transaction did not end leaves neither rows nor mark."""
    world = World(database)
    world.bank("science")
    world.publish("What is entropy?")
    settle(settings, world)
    path = Store(settings.data_dir).current()
    assert path is not None
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE meta SET seq = 99")
    connection.execute("DELETE FROM bank_1")
    connection.close()
    world.publish("What is variance?")
    settle(settings, world)
    assert indexed(settings) == live(database)
