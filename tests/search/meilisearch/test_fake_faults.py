"""The fake Meilisearch misbehaves as told, and otherwise keeps the semantics of tasks."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import Fault, FaultProxy


class Session:
    """A client of one server with the few calls that the tests make."""

    def __init__(self, url: str, key: str, timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def write(self, *ids: object, index: str = "questions") -> int:
        documents = [{"id": one, "stem": f"question {one}"} for one in ids]
        return int(self.send("POST", f"/indexes/{index}/documents", documents)["taskUid"])

    def delete(self, *ids: int) -> int:
        path = "/indexes/questions/documents/delete-batch"
        return int(self.send("POST", path, list(ids))["taskUid"])

    def task(self, uid: int) -> dict[str, Any]:
        return dict(self.send("GET", f"/tasks/{uid}"))

    def ids(self, index: str = "questions") -> list[int]:
        fetched = self.send("POST", f"/indexes/{index}/documents/fetch", {"limit": 1000})
        return sorted(document["id"] for document in fetched["results"])

    def code(self, method: str, path: str, body: Any = None) -> str:
        answer = self.http.request(method, path, json=body)
        assert not answer.is_success
        return str(answer.json()["code"])


@pytest.fixture
def fake() -> Iterator[FakeMeili]:
    with FakeMeili() as running:
        yield running


@pytest.fixture
def session(fake: FakeMeili) -> Iterator[Session]:
    session = Session(fake.url, fake.key)
    session.send("POST", "/indexes", {"uid": "questions", "primaryKey": "id"})
    fake.idle()
    yield session
    session.http.close()


def statuses(session: Session, *uids: int) -> list[str]:
    return [session.task(uid)["status"] for uid in uids]


def test_held_tasks_stay_enqueued_until_they_are_released(
    fake: FakeMeili, session: Session
) -> None:
    fake.faults.hold = True
    uids = [session.write(1), session.write(2), session.delete(1)]
    assert statuses(session, *uids) == ["enqueued"] * 3
    fake.faults.hold = False
    fake.idle()
    assert statuses(session, *uids) == ["succeeded"] * 3
    assert len({session.task(uid)["batchUid"] for uid in uids}) == 1
    assert session.ids() == [2]


def test_nothing_of_a_batch_is_seen_before_it_ends(fake: FakeMeili, session: Session) -> None:
    fake.faults.stall = True
    uid = session.write(1, 2)
    while session.task(uid)["status"] != "processing":
        pass
    assert session.ids() == []
    assert session.send("GET", "/indexes/questions/stats")["isIndexing"] is True
    fake.faults.stall = False
    fake.idle()
    assert session.ids() == [1, 2]


def test_a_bad_payload_fails_alone_in_its_batch(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold = True
    uids = [session.write(1), session.write(2, "no good"), session.write(3)]
    fake.faults.hold = False
    fake.idle()
    assert statuses(session, *uids) == ["succeeded", "failed", "succeeded"]
    assert session.task(uids[1])["error"]["code"] == "invalid_document_id"
    assert session.ids() == [1, 3]


def test_a_failing_batch_fails_with_all_its_tasks(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold = True
    uids = [session.write(1), session.write(2)]
    fake.faults.failing_batches = 1
    fake.faults.hold = False
    fake.idle()
    assert statuses(session, *uids) == ["failed", "failed"]
    assert session.task(uids[0])["error"]["code"] == "internal"
    assert session.ids() == []
    session.write(3)
    fake.idle()
    assert session.ids() == [3]


def test_tasks_of_one_index_are_done_in_order_whatever_other_indexes_do(
    fake: FakeMeili, session: Session
) -> None:
    fake.faults.hold = True
    for n in range(20):
        session.write(1, index=f"other_{n % 3}")
        session.write(n)
        session.delete(n) if n % 2 else session.write(n)
    fake.faults.hold = False
    fake.idle()
    assert session.ids() == list(range(0, 20, 2))


def test_a_waiting_task_is_canceled(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold = True
    uids = [session.write(1), session.write(2)]
    session.send("POST", f"/tasks/cancel?uids={uids[0]}")
    fake.faults.hold = False
    fake.idle()
    assert statuses(session, *uids) == ["canceled", "succeeded"]
    assert session.ids() == [2]


def test_a_task_that_is_being_done_is_canceled(fake: FakeMeili, session: Session) -> None:
    fake.faults.stall = True
    uid = session.write(1)
    while session.task(uid)["status"] != "processing":
        pass
    session.send("POST", f"/tasks/cancel?uids={uid}")
    fake.faults.stall = False
    fake.idle()
    assert statuses(session, uid) == ["canceled"]
    assert session.ids() == []


def test_what_was_being_done_is_done_again_after_a_crash(fake: FakeMeili, session: Session) -> None:
    fake.faults.stall = True
    uid = session.write(1)
    while session.task(uid)["status"] != "processing":
        pass
    fake.crash()
    fake.faults.stall = False
    fake.idle()
    assert statuses(session, uid) == ["succeeded"]
    assert session.ids() == [1]


def test_a_restored_server_gives_task_uids_out_again(fake: FakeMeili, session: Session) -> None:
    session.write(1)
    fake.idle()
    saved, created = fake.save(), session.send("GET", "/indexes/questions")["createdAt"]
    later = session.write(2)
    fake.idle()
    fake.restore(saved)
    assert session.ids() == [1]
    assert session.send("GET", "/indexes/questions")["createdAt"] == created
    assert session.write(3) == later


def test_a_wiped_server_knows_no_index_task_or_lesser_key(
    fake: FakeMeili, session: Session
) -> None:
    body = {"actions": ["*"], "indexes": ["*"], "expiresAt": None}
    lesser = Session(fake.url, session.send("POST", "/keys", body)["key"])
    assert lesser.ids() == []
    uid = session.write(1)
    fake.idle()
    fake.wipe()
    assert lesser.code("GET", "/indexes/questions") == "invalid_api_key"
    assert session.code("GET", "/indexes/questions") == "index_not_found"
    assert session.code("GET", f"/tasks/{uid}") == "task_not_found"
    assert session.write(1) == 0
    lesser.http.close()


def test_only_a_key_that_may_create_indexes_makes_them_by_writing(
    fake: FakeMeili, session: Session
) -> None:
    body = {"actions": ["documents.*"], "indexes": ["*"], "expiresAt": None}
    lesser = Session(fake.url, session.send("POST", "/keys", body)["key"])
    refused, made = lesser.write(1, index="a"), session.write(1, index="b")
    fake.idle()
    assert session.task(refused)["error"]["code"] == "index_not_found"
    assert session.task(made)["status"] == "succeeded"
    assert session.ids("b") == [1]
    lesser.http.close()


@pytest.mark.parametrize("fault", ["unavailable", "busy"])
def test_an_overloaded_server_answers_503(fake: FakeMeili, session: Session, fault: str) -> None:
    setattr(fake.faults, fault, True)
    answer = session.http.post("/indexes/questions/search", json={"q": "x"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    fake.faults.lift()
    assert session.send("POST", "/indexes/questions/search", {"q": "x"})["hits"] == []


def test_a_full_disk_refuses_writes_but_not_reads(fake: FakeMeili, session: Session) -> None:
    fake.faults.full_disk = True
    path = "/indexes/questions/documents"
    assert session.code("POST", path, [{"id": 1}]) == "no_space_left_on_device"
    assert session.ids() == []


def test_a_lost_response_leaves_the_task_enqueued(fake: FakeMeili, session: Session) -> None:
    fake.faults.lost_responses = 1
    with pytest.raises(httpx.TransportError):
        session.write(1)
    fake.idle()
    assert session.ids() == [1]


def test_a_lost_request_leaves_nothing(fake: FakeMeili, session: Session) -> None:
    fake.faults.lost_requests = 1
    with pytest.raises(httpx.TransportError):
        session.write(1)
    fake.idle()
    assert session.ids() == []


def test_a_server_that_is_down_refuses_connections_until_it_is_up(
    fake: FakeMeili, session: Session
) -> None:
    fake.down()
    with pytest.raises(httpx.TransportError):
        session.ids()
    fake.up()
    assert session.ids() == []


# The proxy


@pytest.fixture
def proxy(fake: FakeMeili) -> Iterator[FaultProxy]:
    with FaultProxy(fake.url) as running:
        yield running


@pytest.fixture
def through(fake: FakeMeili, proxy: FaultProxy, session: Session) -> Iterator[Session]:
    session = Session(proxy.url, fake.key, timeout=0.5)
    yield session
    session.http.close()


def test_the_proxy_passes_everything_on(
    fake: FakeMeili, proxy: FaultProxy, through: Session
) -> None:
    through.write(1)
    fake.idle()
    assert through.ids() == [1]
    assert through.code("GET", "/indexes/nobody") == "index_not_found"
    assert [seen.status for seen in proxy.seen] == [202, 200, 404]


def test_the_proxy_cuts_before_or_after_it_forwarded(
    fake: FakeMeili, proxy: FaultProxy, through: Session
) -> None:
    proxy.add(Fault("cut_before", times=1, method="POST", path="/documents$"))
    with pytest.raises(httpx.TransportError):
        through.write(1)
    proxy.add(Fault("cut_after", times=1, method="POST", path="/documents$"))
    with pytest.raises(httpx.TransportError):
        through.write(2)
    fake.idle()
    assert through.ids() == [2]


def test_the_proxy_delays_answers_and_refuses(proxy: FaultProxy, through: Session) -> None:
    late = proxy.add(Fault("delay", seconds=1.0, path="fetch"))
    with pytest.raises(httpx.ReadTimeout):
        through.ids()
    late.times = 0
    proxy.add(Fault("answer", status=503))
    assert through.http.get("/health").status_code == 503
    proxy.lift()
    assert through.http.get("/health").status_code == 200
    proxy.down()
    with pytest.raises(httpx.ConnectError):
        through.http.get("/health")
    proxy.up()
    assert through.ids() == []
