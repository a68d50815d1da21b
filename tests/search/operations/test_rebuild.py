"""A fresh index is built beside the live one and put in place whole; searches never meet less."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.search.meilisearch.index_names import live_name
from app.search.meilisearch.index_settings import lacking, wanted_settings
from app.search.operations.rebuild import Work, reindex_server, repair_server
from tests.search.support.mirroring import PACE, PATIENCE, World
from tests.support.meili.proxy import Fault


def _ignore(_: Work) -> None:
    pass


@contextmanager
def _searching(world: World, least: int) -> Iterator[list[int]]:
    """Search all the while, and hold what was found: never less than `least` questions."""
    counts: list[int] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            counts.append(len(world.found("grow")))

    thread = threading.Thread(target=search)
    thread.start()
    yield counts
    stop.set()
    thread.join()
    assert counts
    assert min(counts) >= least, min(counts)


def test_searches_meet_a_whole_index_all_the_while(world: World) -> None:
    world.publish_many(150)
    world.start()
    world.converge()
    before = world.direct.made_at(live_name(world.prefix, "science"))
    told: list[Work] = []
    with _searching(world, 150):
        reindex_server(world.database, world.settings, None, told.append, PACE)
    assert world.direct.made_at(live_name(world.prefix, "science")) != before
    world.converge()
    assert (told[-1].done, told[-1].total) == (150, 150)
    assert sorted(work.done for work in told) == [work.done for work in told]


def test_changes_during_a_rebuild_are_in_both_indexes(world: World) -> None:
    ids = world.publish_many(120)
    world.start()
    world.converge()
    world.proxy.add(Fault("delay", method="POST", path="/documents", seconds=0.05))
    rebuild = threading.Thread(
        target=reindex_server, args=(world.database, world.settings, None, _ignore, PACE)
    )
    rebuild.start()
    with _searching(world, 100):
        for place in range(20):
            world.withdraw(ids[place])
            world.publish("What does grow meanwhile?")
            world.republish(ids[50 + place], f"Why does it grow again in place {place}?")
        rebuild.join()
    world.converge()
    assert len(world.indexed()) == 120


def test_a_bank_alone_can_be_rebuilt(world: World) -> None:
    world.make_bank("history")
    world.publish("Who was first?", bank="history")
    world.publish_many(10)
    world.start()
    world.converge()
    names = [live_name(world.prefix, bank) for bank in ("science", "history")]
    before = [world.direct.made_at(name) for name in names]
    reindex_server(world.database, world.settings, ["history"], _ignore, PACE)
    after = [world.direct.made_at(name) for name in names]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_rebuild_needs_no_worker(world: World) -> None:
    world.publish_many(30)
    reindex_server(world.database, world.settings, None, _ignore, PACE)
    drift = world.drift()
    assert drift is not None
    assert drift.total == 0
    assert len(world.indexed()) == 30


def test_a_rebuild_is_gone_on_with_when_its_process_dies(world: World) -> None:
    world.publish_many(200)
    world.start()
    world.converge()
    before = world.direct.made_at(live_name(world.prefix, "science"))
    slow = world.proxy.add(Fault("delay", method="POST", path="/documents", seconds=0.3))
    rebuild = threading.Thread(
        target=reindex_server, args=(world.database, world.settings, None, _ignore, PACE)
    )
    rebuild.start()
    deadline = time.monotonic() + PATIENCE
    while not _staging(world):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first = _staging(world)
    world.stop()
    world.proxy.faults.remove(slow)
    rebuild.join()
    world.start()
    world.converge()
    assert first
    assert world.direct.made_at(live_name(world.prefix, "science")) != before
    assert len(world.indexed()) == 200


def test_indexes_that_nobody_knows_are_cleaned_up(world: World) -> None:
    world.publish_many(5)
    leaked = [f"{world.prefix}__science__0badcafe", f"{world.prefix}__gone"]
    for name in leaked:
        world.direct.make_index(name)
    stranger = f"{world.prefix}-other__science"
    world.direct.make_index(stranger)
    world.start()
    world.converge()
    deadline = time.monotonic() + PATIENCE
    while set(leaked) & world.direct.indexes(world.prefix).keys():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert world.direct.made_at(stranger) is not None
    world.direct.drop_index(stranger)


def test_settings_that_were_changed_by_other_hands_are_set_again(world: World) -> None:
    world.publish_many(5)
    world.start()
    world.converge()
    name = live_name(world.prefix, "science")
    world.direct.change_settings(name, {"stopWords": ["why"], "searchableAttributes": ["hints"]})
    deadline = time.monotonic() + PATIENCE
    while world.direct.settings(name)["searchableAttributes"] != ["hints"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    repair_server(world.database, world.settings, _ignore, PACE)
    while lacking(wanted_settings({}), world.direct.settings(name)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _staging(world: World) -> list[str]:
    live = live_name(world.prefix, "science")
    return [uid for uid in world.direct.indexes(world.prefix) if uid.startswith(f"{live}__")]
