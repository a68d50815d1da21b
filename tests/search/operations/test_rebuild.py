"""A rebuild fills a staging index beside the live one; searches always use a complete index."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.meilisearch.indexes.index_settings import desired_settings, settings_changes
from app.search.operations.rebuild import RebuildProgress, reindex_server, repair_server
from tests.search.support.mirroring import FAST_TIMINGS, TIMEOUT_SECONDS, Deployment
from tests.support.meili.proxy import Fault


def _ignore_progress(_: RebuildProgress) -> None:
    pass


@contextmanager
def _searching(deployment: Deployment, min_hits: int) -> Iterator[list[int]]:
    """Search during the block, and check that each search finds at least `min_hits` questions."""
    counts: list[int] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            counts.append(len(deployment.search("grow")))

    thread = threading.Thread(target=search)
    thread.start()
    yield counts
    stop.set()
    thread.join()
    assert counts
    assert min(counts) >= min_hits, min(counts)


def test_searches_find_everything_during_a_rebuild(deployment: Deployment) -> None:
    deployment.publish_many(150)
    deployment.start_mirror()
    deployment.converge()
    before = deployment.direct_client.index_created_at(
        live_index_name(deployment.prefix, "science")
    )
    updates: list[RebuildProgress] = []
    with _searching(deployment, 150):
        reindex_server(deployment.database, deployment.settings, None, updates.append, FAST_TIMINGS)
    assert (
        deployment.direct_client.index_created_at(live_index_name(deployment.prefix, "science"))
        != before
    )
    deployment.converge()
    assert (updates[-1].done, updates[-1].total) == (150, 150)
    assert sorted(update.done for update in updates) == [update.done for update in updates]


def test_changes_during_a_rebuild_are_in_the_new_index(deployment: Deployment) -> None:
    ids = deployment.publish_many(120)
    deployment.start_mirror()
    deployment.converge()
    deployment.proxy.add_fault(Fault("delay", method="POST", path="/documents", seconds=0.05))
    rebuild = threading.Thread(
        target=reindex_server,
        args=(deployment.database, deployment.settings, None, _ignore_progress, FAST_TIMINGS),
    )
    rebuild.start()
    with _searching(deployment, 100):
        for number in range(20):
            deployment.withdraw(ids[number])
            deployment.publish("What does grow meanwhile?")
            deployment.republish(ids[50 + number], f"Why does it grow again in place {number}?")
        rebuild.join()
    deployment.converge()
    assert len(deployment.signatures()) == 120


def test_a_single_bank_can_be_rebuilt(deployment: Deployment) -> None:
    deployment.make_bank("history")
    deployment.publish("Who was first?", bank="history")
    deployment.publish_many(10)
    deployment.start_mirror()
    deployment.converge()
    names = [live_index_name(deployment.prefix, bank) for bank in ("science", "history")]
    before = [deployment.direct_client.index_created_at(name) for name in names]
    reindex_server(
        deployment.database, deployment.settings, ["history"], _ignore_progress, FAST_TIMINGS
    )
    after = [deployment.direct_client.index_created_at(name) for name in names]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_rebuild_needs_no_worker(deployment: Deployment) -> None:
    deployment.publish_many(30)
    reindex_server(deployment.database, deployment.settings, None, _ignore_progress, FAST_TIMINGS)
    report = deployment.check_drift()
    assert report is not None
    assert report.total == 0
    assert len(deployment.signatures()) == 30


def test_a_rebuild_continues_after_its_process_dies(deployment: Deployment) -> None:
    deployment.publish_many(200)
    deployment.start_mirror()
    deployment.converge()
    before = deployment.direct_client.index_created_at(
        live_index_name(deployment.prefix, "science")
    )
    slow = deployment.proxy.add_fault(Fault("delay", method="POST", path="/documents", seconds=0.3))
    rebuild = threading.Thread(
        target=reindex_server,
        args=(deployment.database, deployment.settings, None, _ignore_progress, FAST_TIMINGS),
    )
    rebuild.start()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not _staging_indexes(deployment):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first = _staging_indexes(deployment)
    deployment.stop_mirrors()
    deployment.proxy.faults.remove(slow)
    rebuild.join()
    deployment.start_mirror()
    deployment.converge()
    assert first
    assert (
        deployment.direct_client.index_created_at(live_index_name(deployment.prefix, "science"))
        != before
    )
    assert len(deployment.signatures()) == 200


def test_unknown_indexes_with_our_prefix_are_deleted(deployment: Deployment) -> None:
    deployment.publish_many(5)
    leaked = [f"{deployment.prefix}__science__0badcafe", f"{deployment.prefix}__gone"]
    for name in leaked:
        deployment.direct_client.create_index(name)
    other_deployment = f"{deployment.prefix}-other__science"
    deployment.direct_client.create_index(other_deployment)
    deployment.start_mirror()
    deployment.converge()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while set(leaked) & deployment.direct_client.index_creation_times(deployment.prefix).keys():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert deployment.direct_client.index_created_at(other_deployment) is not None
    deployment.direct_client.delete_index(other_deployment)


def test_settings_that_someone_else_changed_are_corrected(deployment: Deployment) -> None:
    deployment.publish_many(5)
    deployment.start_mirror()
    deployment.converge()
    name = live_index_name(deployment.prefix, "science")
    deployment.direct_client.update_settings(
        name, {"stopWords": ["why"], "searchableAttributes": ["hints"]}
    )
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while deployment.direct_client.get_settings(name)["searchableAttributes"] != ["hints"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    repair_server(deployment.database, deployment.settings, _ignore_progress, FAST_TIMINGS)
    while settings_changes(desired_settings({}), deployment.direct_client.get_settings(name)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _staging_indexes(deployment: Deployment) -> list[str]:
    live = live_index_name(deployment.prefix, "science")
    return [
        uid
        for uid in deployment.direct_client.index_creation_times(deployment.prefix)
        if uid.startswith(f"{live}__")
    ]
