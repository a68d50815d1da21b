"""Several processes update one embedded index, and may be killed at any moment."""

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
from app.search.embedded.index_file import IndexFiles, open_index
from app.search.embedded.synchronizer import Synchronizer
from tests.search.support.worlds import World

ROOT = Path(__file__).parents[3]


@contextmanager
def indexing_process(settings: Settings, questions: int) -> Iterator[subprocess.Popen[str]]:
    """Run a process that indexes `questions` questions in each transaction."""
    command = [sys.executable, "-m", "tests.search.support.indexing_child", str(settings.data_dir)]
    process = subprocess.Popen(
        [*command, settings.database_url, str(questions)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def live_revisions(database: Database) -> dict[int, int]:
    statement = text("SELECT number, revision FROM published WHERE revision IS NOT NULL")
    with database.read() as session:
        return dict(tuple(row) for row in session.connection().execute(statement))


def indexed_revisions(settings: Settings) -> dict[int, int]:
    """Return the revisions in the index, after FTS5's integrity check."""
    path = IndexFiles(settings.data_dir).current()
    assert path is not None
    with closing(open_index(path, read_only=False)) as connection:
        found: dict[int, int] = {}
        for bank in tables.read_banks(connection).values():
            connection.execute(
                f"INSERT INTO {bank.table} ({bank.table}) VALUES ('integrity-check')"
            )
            found |= dict(tables.indexed_revisions(connection, bank))
        return found


def synchronize(settings: Settings, world: World) -> None:
    """Bring the index up to date in this process."""
    files = IndexFiles(settings.data_dir)
    with closing(Synchronizer(world.database, settings, files)) as synchronizer:
        while not synchronizer.step(lambda _path, _mark: None):
            time.sleep(0.01)


def change_randomly(world: World, chance: random.Random, known: list[int]) -> None:
    """Publish new questions, another revision of one, or withdraw one."""
    match chance.randrange(4):
        case 0 | 1:
            stems = [{"stem": f"What is term {chance.randrange(1000)}?"} for _ in range(5)]
            known += world.publish_all(stems)
        case 2 if known:
            world.publish(f"What else is {chance.randrange(1000)}?", number=chance.choice(known))
        case _ if known:
            world.withdraw(chance.choice(known))


@pytest.mark.campaign
def test_two_processes_and_this_one_update_one_index(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    chance = random.Random(1)
    known = world.publish_all([{"stem": f"What is {number}?"} for number in range(60)])
    with indexing_process(settings, 7) as first, indexing_process(settings, 5) as second:
        for _ in range(60):
            change_randomly(world, chance, known)
        synchronize(settings, world)
        assert indexed_revisions(settings) == live_revisions(database)
        assert first.poll() is second.poll() is None


@pytest.mark.campaign
def test_a_killed_process_leaves_an_index_that_others_continue(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    chance = random.Random(2)
    known = world.publish_all([{"stem": f"What is {number}?"} for number in range(200)])
    for round_number in range(6):
        # The first ones are killed while they build the index.
        with indexing_process(settings, 1) as process:
            for _ in range(3):
                change_randomly(world, chance, known)
            time.sleep(chance.random() * 0.2)
            process.kill()
        if round_number % 2:
            synchronize(settings, world)
            assert indexed_revisions(settings) == live_revisions(database)
    synchronize(settings, world)
    assert indexed_revisions(settings) == live_revisions(database)
    names = {path.name for path in settings.data_dir.glob("search-*.db")}
    assert len(names) == 1, "files of killed builders must be removed"


def test_a_step_returns_false_while_another_process_builds(
    database: Database, settings: Settings
) -> None:
    World(database).bank("science")
    files = IndexFiles(settings.data_dir)
    with closing(Synchronizer(database, settings, files)) as synchronizer:
        with files.build_lock() as locked:
            assert locked
            with files.build_lock() as locked_again:
                assert not locked_again
            assert not synchronizer.step(lambda _path, _mark: None)
        assert synchronizer.step(lambda _path, _mark: None)


def test_an_unfinished_transaction_leaves_neither_rows_nor_mark(
    database: Database, settings: Settings
) -> None:
    world = World(database)
    world.bank("science")
    world.publish("What is entropy?")
    synchronize(settings, world)
    path = IndexFiles(settings.data_dir).current()
    assert path is not None
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE index_state SET seq = 99")
    connection.execute("DELETE FROM bank_1")
    connection.close()
    world.publish("What is variance?")
    synchronize(settings, world)
    assert indexed_revisions(settings) == live_revisions(database)
