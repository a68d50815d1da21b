"""The mirror loses no change, whatever happens to the server, the connection or the process."""

import time

import httpx
import pytest

from app.core.db.leases import Lease
from app.search.meilisearch.mirror import LEASE_NAME
from app.search.meilisearch.state import MirrorStateStore
from app.search.meilisearch.status import read_status
from tests.search.support.mirroring import FAST_TIMINGS, TIMEOUT_SECONDS, Deployment
from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import Fault

DOCUMENT_PATHS = r"^/indexes/[^/]+/documents(\?|$|/delete-batch)"


def test_changes_made_while_the_server_is_down_are_sent_when_it_is_back(
    deployment: Deployment,
) -> None:
    ids = deployment.publish_many(40)
    deployment.start_mirror()
    deployment.converge()
    deployment.proxy.down()
    deployment.withdraw(*ids[:10])
    more = deployment.publish_many(25)
    deployment.republish(ids[20], "What has changed meanwhile?")
    time.sleep(0.3)
    assert read_status(deployment.database).reached != read_status(deployment.database).clock
    deployment.proxy.up()
    deployment.converge()
    assert len(deployment.signatures()) == 30 + len(more)


def test_replication_continues_after_the_server_is_killed_and_restarted(
    deployment: Deployment,
) -> None:
    server = deployment.controlled_server
    deployment.publish_many(120)
    deployment.start_mirror()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (
        not deployment.direct_client.index_creation_times(deployment.prefix)
        and time.monotonic() < deadline
    ):
        time.sleep(0.005)
    for _ in range(3):
        deployment.publish_many(20)
        server.crash()
    deployment.converge()
    assert len(deployment.signatures()) == 180


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_lost_requests_and_lost_responses_lose_no_change(deployment: Deployment, kind: str) -> None:
    deployment.start_mirror()
    deployment.converge()
    deployment.proxy.add_fault(Fault(kind, times=3, method="POST", path=DOCUMENT_PATHS))  # type: ignore[arg-type]
    ids = deployment.publish_many(60)
    deployment.converge()
    deployment.proxy.add_fault(Fault(kind, times=2, method="POST", path="/delete-batch"))  # type: ignore[arg-type]
    deployment.withdraw(*ids[:30])
    deployment.converge()
    assert len(deployment.signatures()) == 30


def test_requests_are_retried_after_a_503(deployment: Deployment) -> None:
    deployment.start_mirror()
    deployment.converge()
    fault = deployment.proxy.add_fault(Fault("respond", status=503))
    deployment.publish_many(30)
    _wait_for_condition(deployment, "down")
    deployment.proxy.faults.remove(fault)
    deployment.converge()
    assert len(deployment.signatures()) == 30


@pytest.mark.slow
def test_a_slow_server_gets_every_change(deployment: Deployment) -> None:
    deployment.proxy.add_fault(Fault("delay", seconds=0.15))
    deployment.publish_many(45)
    deployment.start_mirror()
    deployment.converge()
    assert len(deployment.signatures()) == 45


@pytest.mark.slow
def test_a_late_request_cannot_restore_a_withdrawn_question(
    deployment: Deployment,
) -> None:
    """The response is lost and the question withdrawn before the server accepts the request."""
    deployment.start_mirror()
    deployment.converge()
    late_request = deployment.proxy.add_fault(
        Fault(
            "delay",
            times=1,
            method="POST",
            path=DOCUMENT_PATHS,
            seconds=FAST_TIMINGS.request_timeout_seconds + 1.0,
        )
    )
    (question,) = deployment.publish("What was said too soon?")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while late_request.times and time.monotonic() < deadline:
        time.sleep(0.005)
    deployment.withdraw(question)
    deployment.converge()
    time.sleep(FAST_TIMINGS.request_timeout_seconds + 2.0)
    deployment.converge()
    assert deployment.signatures() == {}


@pytest.mark.parametrize("with_master_key", [True, False])
def test_a_wiped_server_is_filled_again(deployment: Deployment, with_master_key: bool) -> None:
    server = deployment.controlled_server
    if not with_master_key:
        use_limited_key(deployment)
    deployment.publish_many(60)
    deployment.start_mirror()
    deployment.converge()
    server.wipe()
    if not with_master_key:
        deployment.publish_many(10)
        _wait_for_condition(deployment, "refused")
        use_limited_key(deployment)
    deployment.converge()
    assert len(deployment.signatures()) == 60 + 10 * (not with_master_key)


def _wait_for_condition(deployment: Deployment, condition: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (details := read_status(deployment.database).details())["condition"] != condition:
        assert time.monotonic() < deadline, details
        time.sleep(0.02)


def use_limited_key(deployment: Deployment) -> None:
    """Create the limited key of the mirror; the same master key and uid give the same key."""
    body = {
        "uid": "8d1d7e2a-5f0e-4c8b-9a51-2b7c6f3e1a77",
        "actions": [
            "search",
            *("documents.*", "indexes.*", "settings.*", "tasks.get"),
        ],
        "indexes": [f"{deployment.prefix}__*"],
        "expiresAt": None,
    }
    response = httpx.post(f"{deployment.server.url}/keys", json=body, headers=deployment.headers)
    assert response.status_code == 201, response.text
    deployment.settings = deployment.settings.model_copy(
        update={"meili_key": response.json()["key"]}
    )


def test_a_deleted_index_is_built_again(deployment: Deployment) -> None:
    deployment.publish_many(30)
    deployment.start_mirror()
    deployment.converge()
    name = f"{deployment.prefix}__science"
    created_at = deployment.direct_client.index_created_at(name)
    deployment.direct_client.delete_index(name)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while deployment.direct_client.index_created_at(name) in {None, created_at}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    deployment.converge()
    assert len(deployment.signatures()) == 30


def test_an_index_that_someone_else_created_is_replaced(deployment: Deployment) -> None:
    deployment.publish_many(30)
    deployment.start_mirror()
    deployment.converge()
    name = f"{deployment.prefix}__science"
    deployment.proxy.down()
    deployment.direct_client.delete_index(name)
    deployment.direct_client.put_documents(name, b'{"id": 999999, "stem": "A stranger"}')
    while deployment.direct_client.index_created_at(name) is None:
        time.sleep(0.01)
    deployment.proxy.up()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not _was_created_by_mirror(deployment, name):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    deployment.converge()
    assert len(deployment.signatures()) == 30


def _was_created_by_mirror(deployment: Deployment, name: str) -> bool:
    saved = MirrorStateStore(deployment.database).load()
    created_at = deployment.direct_client.index_created_at(name)
    return saved is not None and saved[1]["science"].live_created_at == created_at


@pytest.mark.parametrize("backup", ["snapshot", "dump"])
def test_a_server_restored_to_an_older_state_is_repaired(
    deployment: Deployment, backup: str
) -> None:
    server = deployment.controlled_server
    ids = deployment.publish_many(40)
    deployment.start_mirror()
    deployment.converge()
    path = "snapshots" if backup == "snapshot" else "dumps"
    assert httpx.post(f"{server.url}/{path}", headers=deployment.headers).status_code == 202
    server.wait_until_idle()
    deployment.withdraw(*ids[:5])
    deployment.publish_many(12)
    deployment.republish(ids[9], "What was changed after the snapshot?")
    deployment.converge()
    time.sleep(3 * FAST_TIMINGS.marker_seconds)
    if backup == "snapshot":
        server.restore_snapshot()
    else:
        server.restore_dump()
    deployment.converge()
    assert len(deployment.signatures()) == 47


def test_a_database_restored_to_an_older_state_is_replicated(deployment: Deployment) -> None:
    """Its clock returns to an older `seq` without a new epoch: no one ran `quizwell restored`."""
    ids = deployment.publish_many(20)
    deployment.start_mirror()
    deployment.converge()
    deployment.publish_many(15)
    deployment.converge()
    deployment.stop_mirrors()
    deployment.execute("DELETE FROM published WHERE seq > 20")
    deployment.execute("UPDATE clock SET seq = 20")
    deployment.execute(
        "UPDATE search_mirror SET seq = 20, clean = :yes, token = 'older', next_token = NULL",
        yes=True,
    )
    deployment.withdraw(ids[0])
    deployment.start_mirror()
    deployment.converge()
    assert len(deployment.signatures()) == 19


def test_a_new_epoch_compares_every_index(deployment: Deployment) -> None:
    deployment.publish_many(25)
    deployment.start_mirror()
    deployment.converge()
    deployment.execute("DELETE FROM published WHERE number = 3")
    deployment.execute("UPDATE clock SET epoch = '0123456789abcdef'")
    deployment.converge()
    assert len(deployment.signatures()) == 24


def test_an_unreadable_question_is_quarantined_and_the_others_are_sent(
    deployment: Deployment,
) -> None:
    deployment.start_mirror()
    deployment.converge()
    unreadable = b'{"stem": 7, "hints": 3}'
    ids = deployment.publish_many(30)
    number, _, _ = deployment.latest_revision(ids[11])
    deployment.execute(
        "UPDATE documents SET body = :body WHERE number = :n", body=unreadable, n=number
    )
    deployment.execute(
        "UPDATE published SET seq = (SELECT seq + 1 FROM clock) WHERE number = :n", n=number
    )
    deployment.execute("UPDATE clock SET seq = seq + 1")
    more = deployment.publish_many(10)
    report = deployment.converge()
    assert report.quarantined == 1
    assert len(deployment.signatures()) == 29 + len(more)
    assert read_status(deployment.database).details()["quarantined"] == 1
    deployment.republish(ids[11], "What is wholesome again?")
    assert deployment.converge().quarantined == 0
    assert len(deployment.signatures()) == 40


def test_a_document_that_the_server_rejects_is_found_by_halving(deployment: Deployment) -> None:
    server = deployment.server
    if not isinstance(server, FakeMeili):
        pytest.skip("a real server rejects none of our documents")
    server.payload_limit = 4000
    deployment.start_mirror()
    deployment.converge()
    ids = deployment.publish_many(18)
    (huge,) = deployment.publish("What is " + "very " * 1000 + "long?")
    report = deployment.converge()
    assert report.quarantined == 1
    assert len(deployment.signatures()) == len(ids)
    deployment.withdraw(huge)
    assert deployment.converge().quarantined == 1


def test_batches_are_sent_again_after_failures_of_the_server(deployment: Deployment) -> None:
    server = deployment.server
    if not isinstance(server, FakeMeili):
        pytest.skip("a real server does not fail on demand")
    deployment.start_mirror()
    deployment.converge()
    server.faults.failing_batches = 12
    deployment.publish_many(50)
    report = deployment.converge()
    assert report.quarantined == 0
    assert len(deployment.signatures()) == 50


def test_a_full_server_gets_every_change_when_it_has_space_again(deployment: Deployment) -> None:
    server = deployment.server
    if not isinstance(server, FakeMeili):
        pytest.skip("a real server's disk cannot be filled here")
    deployment.start_mirror()
    deployment.converge()
    server.faults.full_disk = True
    deployment.publish_many(20)
    _wait_for_condition(deployment, "full")
    server.faults.reset()
    deployment.converge()
    assert len(deployment.signatures()) == 20


def test_canceled_tasks_are_sent_again(deployment: Deployment) -> None:
    deployment.start_mirror()
    deployment.converge()
    server = deployment.server
    if isinstance(server, FakeMeili):
        server.faults.hold_tasks = True
    deployment.publish_many(60)
    time.sleep(0.1)
    index = f"{deployment.prefix}__science"
    query = f"statuses=enqueued,processing&indexUids={index}"
    httpx.post(f"{server.url}/tasks/cancel?{query}", headers=deployment.headers)
    if isinstance(server, FakeMeili):
        server.faults.hold_tasks = False
    deployment.converge()
    assert len(deployment.signatures()) == 60


def test_another_mirror_takes_over_when_the_first_one_loses_its_lease(
    deployment: Deployment,
) -> None:
    """The first mirror's lease expires; it notices that another one holds it and stops."""
    first = deployment.start_mirror()
    deployment.publish_many(30)
    deployment.converge()
    # As if the first process was frozen: it neither renews nor releases its lease.
    second = deployment.start_mirror()
    deployment.execute(
        "UPDATE leases SET owner = 'nobody', until = 0 WHERE name = :name", name=LEASE_NAME
    )
    ids = deployment.publish_many(30)
    deployment.withdraw(*ids[:10])
    deployment.converge()
    assert len(deployment.signatures()) == 50
    assert first is not second


def test_only_one_of_several_mirrors_sends(deployment: Deployment) -> None:
    for _ in range(3):
        deployment.start_mirror()
    deployment.converge()
    before = len(deployment.proxy.requests)
    deployment.publish_many(20)
    deployment.converge()
    sent = [
        request
        for request in deployment.proxy.requests[before:]
        if request.method == "POST" and "science/documents?" in request.target
    ]
    assert len(sent) == 1


def test_a_mirror_waits_while_another_process_holds_the_lease(deployment: Deployment) -> None:
    lease = Lease(deployment.database, LEASE_NAME, 30.0)
    assert lease.acquire()
    deployment.start_mirror()
    deployment.publish_many(5)
    time.sleep(0.5)
    assert not deployment.direct_client.index_creation_times(deployment.prefix)
    lease.release()
    deployment.converge()
    assert len(deployment.signatures()) == 5


@pytest.mark.slow
def test_nothing_is_sent_again_after_a_clean_stop(deployment: Deployment) -> None:
    deployment.publish_many(30)
    deployment.start_mirror()
    deployment.converge()
    time.sleep(10 * FAST_TIMINGS.marker_seconds)
    deployment.stop_mirrors()
    before = len(deployment.proxy.requests)
    deployment.start_mirror()
    time.sleep(1.0)
    writes = [
        request.target
        for request in deployment.proxy.requests[before:]
        if request.method == "POST" and "___note/" not in request.target
    ]
    assert writes == []
