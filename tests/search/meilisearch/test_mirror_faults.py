"""The mirror loses nothing, whatever happens to the server, to the way there or to the sender."""

import time

import httpx
import pytest

from app.core.db.leases import Lease
from app.search.meilisearch.mirror import LEASE
from app.search.meilisearch.state import States
from app.search.meilisearch.status import read_status
from tests.search.support.mirroring import PACE, PATIENCE, World
from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import Fault

DOCUMENTS = r"^/indexes/[^/]+/documents(\?|$|/delete-batch)"


def test_changes_made_while_the_server_is_down_arrive_when_it_is_back(world: World) -> None:
    ids = world.publish_many(40)
    world.start()
    world.converge()
    world.proxy.down()
    world.withdraw(*ids[:10])
    more = world.publish_many(25)
    world.republish(ids[20], "What has changed meanwhile?")
    time.sleep(0.3)
    assert read_status(world.database).reached != read_status(world.database).clock
    world.proxy.up()
    world.converge()
    assert len(world.indexed()) == 30 + len(more)


def test_a_server_that_is_killed_and_started_is_gone_on_with(world: World) -> None:
    server = world.controlled
    world.publish_many(120)
    world.start()
    deadline = time.monotonic() + PATIENCE
    while not world.direct.indexes(world.prefix) and time.monotonic() < deadline:
        time.sleep(0.005)
    for _ in range(3):
        world.publish_many(20)
        server.crash()
    world.converge()
    assert len(world.indexed()) == 180


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_lost_requests_and_lost_answers_lose_nothing(world: World, kind: str) -> None:
    world.start()
    world.converge()
    world.proxy.add(Fault(kind, times=3, method="POST", path=DOCUMENTS))  # type: ignore[arg-type]
    ids = world.publish_many(60)
    world.converge()
    world.proxy.add(Fault(kind, times=2, method="POST", path="/delete-batch"))  # type: ignore[arg-type]
    world.withdraw(*ids[:30])
    world.converge()
    assert len(world.indexed()) == 30


def test_a_server_that_answers_503_is_asked_again(world: World) -> None:
    world.start()
    world.converge()
    fault = world.proxy.add(Fault("answer", status=503))
    world.publish_many(30)
    _await_condition(world, "down")
    world.proxy.faults.remove(fault)
    world.converge()
    assert len(world.indexed()) == 30


def test_a_slow_server_is_waited_for(world: World) -> None:
    world.proxy.add(Fault("delay", seconds=0.15))
    world.publish_many(45)
    world.start()
    world.converge()
    assert len(world.indexed()) == 45


def test_a_request_that_arrives_late_cannot_bring_back_what_was_withdrawn(world: World) -> None:
    """The answer is lost, the question is withdrawn, and only then the server takes the request."""
    world.start()
    world.converge()
    late = world.proxy.add(
        Fault("delay", times=1, method="POST", path=DOCUMENTS, seconds=PACE.timeout + 1.0)
    )
    (question,) = world.publish("What was said too soon?")
    deadline = time.monotonic() + PATIENCE
    while late.times and time.monotonic() < deadline:
        time.sleep(0.005)
    world.withdraw(question)
    world.converge()
    time.sleep(PACE.timeout + 2.0)
    world.converge()
    assert world.indexed() == {}


@pytest.mark.parametrize("master", [True, False])
def test_a_server_that_was_wiped_is_filled_anew(world: World, master: bool) -> None:
    server = world.controlled
    if not master:
        make_key(world)
    world.publish_many(60)
    world.start()
    world.converge()
    server.wipe()
    if not master:
        world.publish_many(10)
        _await_condition(world, "refused")
        make_key(world)
    world.converge()
    assert len(world.indexed()) == 60 + 10 * (not master)


def _await_condition(world: World, condition: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while (details := read_status(world.database).details())["condition"] != condition:
        assert time.monotonic() < deadline, details
        time.sleep(0.02)


def make_key(world: World) -> None:
    """Make the lesser key that the mirror has: same master key and same uid, same key."""
    body = {
        "uid": "8d1d7e2a-5f0e-4c8b-9a51-2b7c6f3e1a77",
        "actions": [
            "search",
            *("documents.*", "indexes.*", "settings.*", "tasks.get"),
        ],
        "indexes": [f"{world.prefix}__*"],
        "expiresAt": None,
    }
    answer = httpx.post(f"{world.server.url}/keys", json=body, headers=world.headers)
    assert answer.status_code == 201, answer.text
    world.settings = world.settings.model_copy(update={"meili_key": answer.json()["key"]})


def test_an_index_that_was_deleted_is_built_anew(world: World) -> None:
    world.publish_many(30)
    world.start()
    world.converge()
    name = f"{world.prefix}__science"
    made_at = world.direct.made_at(name)
    world.direct.drop_index(name)
    deadline = time.monotonic() + PATIENCE
    while world.direct.made_at(name) in {None, made_at}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    world.converge()
    assert len(world.indexed()) == 30


def test_an_index_that_others_made_again_is_replaced(world: World) -> None:
    world.publish_many(30)
    world.start()
    world.converge()
    name = f"{world.prefix}__science"
    world.proxy.down()
    world.direct.drop_index(name)
    world.direct.put(name, b'{"id": 999999, "stem": "A stranger"}')
    while world.direct.made_at(name) is None:
        time.sleep(0.01)
    world.proxy.up()
    deadline = time.monotonic() + PATIENCE
    while not _is_ours(world, name):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    world.converge()
    assert len(world.indexed()) == 30


def _is_ours(world: World, name: str) -> bool:
    kept = States(world.database).read()
    return kept is not None and kept[1]["science"].incarnation == world.direct.made_at(name)


@pytest.mark.parametrize("how", ["snapshot", "dump"])
def test_a_server_that_was_restored_from_an_older_state_is_mended(world: World, how: str) -> None:
    server = world.controlled
    ids = world.publish_many(40)
    world.start()
    world.converge()
    path = "snapshots" if how == "snapshot" else "dumps"
    assert httpx.post(f"{server.url}/{path}", headers=world.headers).status_code == 202
    server.idle()
    world.withdraw(*ids[:5])
    world.publish_many(12)
    world.republish(ids[9], "What was changed after the snapshot?")
    world.converge()
    time.sleep(3 * PACE.note)
    if how == "snapshot":
        server.restore_snapshot()
    else:
        server.restore_dump()
    world.converge()
    assert len(world.indexed()) == 47


def test_a_database_that_was_restored_to_an_older_state_is_mirrored(world: World) -> None:
    """Its clock goes back, without a new epoch: whoever restored it forgot to say so."""
    ids = world.publish_many(20)
    world.start()
    world.converge()
    world.publish_many(15)
    world.converge()
    world.stop()
    world.execute("DELETE FROM published WHERE seq > 20")
    world.execute("UPDATE clock SET seq = 20")
    world.execute(
        "UPDATE search_mirror SET seq = 20, clean = :yes, token = 'older', next_token = NULL",
        yes=True,
    )
    world.withdraw(ids[0])
    world.start()
    world.converge()
    assert len(world.indexed()) == 19


def test_a_new_epoch_makes_it_compare_everything(world: World) -> None:
    world.publish_many(25)
    world.start()
    world.converge()
    world.execute("DELETE FROM published WHERE number = 3")
    world.execute("UPDATE clock SET epoch = '0123456789abcdef'")
    world.converge()
    assert len(world.indexed()) == 24


def test_a_poisoned_question_is_put_aside_and_the_others_arrive(world: World) -> None:
    world.start()
    world.converge()
    poison = b'{"stem": 7, "hints": 3}'
    ids = world.publish_many(30)
    number, _, _ = world.row(ids[11])
    world.execute("UPDATE documents SET body = :body WHERE number = :n", body=poison, n=number)
    world.execute(
        "UPDATE published SET seq = (SELECT seq + 1 FROM clock) WHERE number = :n", n=number
    )
    world.execute("UPDATE clock SET seq = seq + 1")
    more = world.publish_many(10)
    drift = world.converge()
    assert drift.excused == 1
    assert len(world.indexed()) == 29 + len(more)
    assert read_status(world.database).details()["quarantined"] == 1
    world.republish(ids[11], "What is wholesome again?")
    assert world.converge().excused == 0
    assert len(world.indexed()) == 40


def test_a_document_that_the_server_refuses_is_found_by_halving(world: World) -> None:
    server = world.server
    if not isinstance(server, FakeMeili):
        pytest.skip("a real server refuses none of our documents")
    server.payload_limit = 4000
    world.start()
    world.converge()
    ids = world.publish_many(18)
    (huge,) = world.publish("What is " + "very " * 1000 + "long?")
    drift = world.converge()
    assert drift.excused == 1
    assert len(world.indexed()) == len(ids)
    world.withdraw(huge)
    assert world.converge().excused == 1


def test_batches_that_fail_for_no_fault_of_ours_are_sent_again(world: World) -> None:
    server = world.server
    if not isinstance(server, FakeMeili):
        pytest.skip("a real server does not fail when it is told to")
    world.start()
    world.converge()
    server.faults.failing_batches = 12
    world.publish_many(50)
    drift = world.converge()
    assert drift.excused == 0
    assert len(world.indexed()) == 50


def test_a_full_server_is_filled_when_it_has_space_again(world: World) -> None:
    server = world.server
    if not isinstance(server, FakeMeili):
        pytest.skip("a real server's disk cannot be filled here")
    world.start()
    world.converge()
    server.faults.full_disk = True
    world.publish_many(20)
    _await_condition(world, "full")
    server.faults.lift()
    world.converge()
    assert len(world.indexed()) == 20


def test_canceled_tasks_are_sent_again(world: World) -> None:
    world.start()
    world.converge()
    server = world.server
    if isinstance(server, FakeMeili):
        server.faults.hold = True
    world.publish_many(60)
    time.sleep(0.1)
    query = (
        f"{server.url}/tasks/cancel?statuses=enqueued,processing&indexUids={world.prefix}__science"
    )
    httpx.post(query, headers=world.headers)
    if isinstance(server, FakeMeili):
        server.faults.hold = False
    world.converge()
    assert len(world.indexed()) == 60


def test_another_mirror_goes_on_when_the_first_one_dies(world: World) -> None:
    """The first one's lease runs out; it finds another's name in its place and sends no more."""
    first = world.start()
    world.publish_many(30)
    world.converge()
    # As if the process had been frozen: it neither renews nor gives back.
    second = World.start(world)
    world.execute("UPDATE leases SET owner = 'nobody', until = 0 WHERE name = :name", name=LEASE)
    ids = world.publish_many(30)
    world.withdraw(*ids[:10])
    world.converge()
    assert len(world.indexed()) == 50
    assert first is not second


def test_only_one_of_several_mirrors_sends(world: World) -> None:
    for _ in range(3):
        world.start()
    world.converge()
    before = len(world.proxy.seen)
    world.publish_many(20)
    world.converge()
    sent = [
        seen
        for seen in world.proxy.seen[before:]
        if seen.method == "POST" and "science/documents?" in seen.target
    ]
    assert len(sent) == 1


def test_a_mirror_waits_while_another_process_holds_the_lease(world: World) -> None:
    lease = Lease(world.database, LEASE, 30.0)
    assert lease.acquire()
    world.start()
    world.publish_many(5)
    time.sleep(0.5)
    assert not world.direct.indexes(world.prefix)
    lease.release()
    world.converge()
    assert len(world.indexed()) == 5


def test_nothing_is_sent_again_after_a_clean_stop(world: World) -> None:
    world.publish_many(30)
    world.start()
    world.converge()
    time.sleep(10 * PACE.note)
    world.stop()
    before = len(world.proxy.seen)
    world.start()
    time.sleep(1.0)
    writes = [
        seen.target
        for seen in world.proxy.seen[before:]
        if seen.method == "POST" and "___note/" not in seen.target
    ]
    assert writes == []
