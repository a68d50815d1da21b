"""Drift is found in both directions, told by number, and mended when that is asked for."""

import asyncio
import json

import pytest

from app.access.access_snapshot import AccessSnapshot
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published.follower import Follower
from app.published.publishing import put
from app.search.embedded.index_file import Store, open_index
from app.search.embedded.tables import read_banks
from app.search.meilisearch.index_names import live_name
from app.search.operations.commands import check_all, reindex
from app.search.operations.drift_check import CatalogCopy, CopyError, EmbeddedCopy, check
from app.search.operations.rebuild import reindex_embedded, repair_server
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.support.mirroring import PACE, World, answers, document
from tests.support.publications import make_bank, make_publication


def _spoil(world: World) -> None:
    """Change the index behind the mirror's back: one gone, two stale, one that nobody published."""
    name = live_name(world.prefix, "science")
    (kept,) = world.direct._fetched(name, "id > 3 AND id < 5")
    tasks = [
        world.direct.delete(name, [2]),
        world.direct.put(name, json.dumps({**kept, "id": 3, "revision": 0}).encode()),
        world.direct.put(name, json.dumps({**kept, "signature": "0123456789abcdef"}).encode()),
        world.direct.put(name, json.dumps({**kept, "id": 999}).encode()),
    ]
    while not all(task.ended for task in world.direct.tasks([one.uid for one in tasks]).values()):
        pass


def test_missing_stale_and_ghost_documents_are_told_apart_and_mended(world: World) -> None:
    world.publish_many(8)
    world.start()
    world.converge()
    _spoil(world)
    drift = world.drift()
    assert drift is not None
    assert (drift.missing, drift.stale, drift.ghost) == ([2], [3, 4], [999])
    assert drift.compared == 8
    repair_server(world.database, world.settings, lambda _: None, PACE)
    assert world.converge().total == 0


def test_what_the_mirror_has_not_reached_is_no_drift(world: World) -> None:
    world.publish_many(8)
    world.start()
    world.converge()
    world.stop()
    world.publish_many(3)
    drift = world.drift()
    assert drift is not None
    assert drift.behind
    assert drift.total == 0


def test_a_periodic_comparison_finds_and_mends_drift(world: World) -> None:
    from dataclasses import replace  # noqa: PLC0415

    world.publish_many(8)
    world.start(replace(PACE, compare=0.5))
    world.converge()
    _spoil(world)
    world.converge()


def _published(database: Database, count: int) -> None:
    make_bank(database)
    make_bank(database, "exam", exposure="exam")
    entries = [
        make_publication(document=document(f"Why {n}?"), answers=answers("x"), bank=bank)
        for bank in ("science", "exam")
        for n in range(count)
    ]
    with database.write() as session:
        put(session, entries)


def test_the_embedded_index_is_checked_and_mended(database: Database, settings: Settings) -> None:
    _published(database, 5)
    with pytest.raises(CopyError):
        asyncio.run(check(database, settings, EmbeddedCopy(settings)))
    assert reindex_embedded(database, settings) == 10
    assert asyncio.run(check(database, settings, EmbeddedCopy(settings))).values() == {
        "name": "embedded",
        "behind": False,
        "compared": 5,
        "quarantined": 0,
        "missing": {"count": 0, "numbers": []},
        "stale": {"count": 0, "numbers": []},
        "ghost": {"count": 0, "numbers": []},
    }
    path = Store(settings.data_dir).current()
    assert path is not None
    connection = open_index(path, reading=False)
    table = read_banks(connection)["science"].table
    connection.execute(f"DELETE FROM {table} WHERE rowid = 2")
    connection.execute(f"UPDATE {table} SET revision = 9 WHERE rowid = 3")
    connection.execute(f"INSERT INTO {table} (rowid, stem, revision) VALUES (77, 'x', 1)")
    connection.close()
    drift = asyncio.run(check(database, settings, EmbeddedCopy(settings)))
    assert (drift.missing, drift.stale, drift.ghost) == ([2], [3], [77])
    said: list[str] = []
    assert check_all(database, settings, said.append, repair=True)
    assert said == [
        "embedded: 5 questions compared; by number: 1 missing (2), 1 stale (3), 1 left over (77).",
        "embedded: repaired.",
        "embedded: 5 questions compared; both sides are equal.",
        "catalog: 10 questions compared; both sides are equal.",
    ]


def test_a_missing_embedded_index_is_built_by_the_repair(
    database: Database, settings: Settings
) -> None:
    _published(database, 3)
    said: list[str] = []
    assert not check_all(database, settings, said.append, repair=False)
    assert said[0] == "embedded: the embedded index is not there."
    assert check_all(database, settings, said.append, repair=True)
    reindex(database, settings, None, said.append)
    assert said[-1] == "embedded: the new index is live (place 6 of the feed)."


def test_a_workers_memory_is_checked(database: Database, settings: Settings) -> None:
    _published(database, 5)

    async def body() -> None:
        access, glossary = AccessSnapshot(settings), VocabularySnapshot()
        catalog = Catalog(database, settings, load_secrets(settings), access, glossary)
        follower = Follower(database, catalog, [access, glossary])
        await follower.catch_up()
        copy = CatalogCopy(catalog)
        assert (await check(database, settings, copy)).total == 0
        put_one = make_publication(document=document("More?"), answers=answers("x"))
        with database.write() as session:
            put(session, [put_one])
        drift = await check(database, settings, copy)
        assert (drift.behind, drift.total) == (True, 0)

    asyncio.run(body())
