"""The fake Meilisearch makes the faults that tests switch on, and processes tasks correctly."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import Fault, FaultProxy


class Session:
    """A client with the calls that these tests make."""

    def __init__(self, url: str, key: str, timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        response = self.http.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json()

    def put(self, *ids: object, index: str = "questions") -> int:
        documents = [{"id": document_id, "stem": f"question {document_id}"} for document_id in ids]
        return int(self.send("POST", f"/indexes/{index}/documents", documents)["taskUid"])

    def delete(self, *ids: int) -> int:
        path = "/indexes/questions/documents/delete-batch"
        return int(self.send("POST", path, list(ids))["taskUid"])

    def task(self, uid: int) -> dict[str, Any]:
        return dict(self.send("GET", f"/tasks/{uid}"))

    def ids(self, index: str = "questions") -> list[int]:
        fetched = self.send("POST", f"/indexes/{index}/documents/fetch", {"limit": 1000})
        return sorted(document["id"] for document in fetched["results"])

    def error_code(self, method: str, path: str, body: Any = None) -> str:
        response = self.http.request(method, path, json=body)
        assert not response.is_success
        return str(response.json()["code"])


@pytest.fixture
def fake() -> Iterator[FakeMeili]:
    with FakeMeili() as running:
        yield running


@pytest.fixture
def session(fake: FakeMeili) -> Iterator[Session]:
    session = Session(fake.url, fake.key)
    session.send("POST", "/indexes", {"uid": "questions", "primaryKey": "id"})
    fake.wait_until_idle()
    yield session
    session.http.close()


def statuses(session: Session, *uids: int) -> list[str]:
    return [session.task(uid)["status"] for uid in uids]


def test_hold_tasks_keeps_tasks_enqueued(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold_tasks = True
    uids = [session.put(1), session.put(2), session.delete(1)]
    assert statuses(session, *uids) == ["enqueued"] * 3
    fake.faults.hold_tasks = False
    fake.wait_until_idle()
    assert statuses(session, *uids) == ["succeeded"] * 3
    assert len({session.task(uid)["batchUid"] for uid in uids}) == 1
    assert session.ids() == [2]


def test_the_changes_of_a_batch_are_visible_only_when_it_has_finished(
    fake: FakeMeili, session: Session
) -> None:
    fake.faults.stall_batches = True
    uid = session.put(1, 2)
    while session.task(uid)["status"] != "processing":
        pass
    assert session.ids() == []
    assert session.send("GET", "/indexes/questions/stats")["isIndexing"] is True
    fake.faults.stall_batches = False
    fake.wait_until_idle()
    assert session.ids() == [1, 2]


def test_an_invalid_document_fails_only_its_own_task(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold_tasks = True
    uids = [session.put(1), session.put(2, "no good"), session.put(3)]
    fake.faults.hold_tasks = False
    fake.wait_until_idle()
    assert statuses(session, *uids) == ["succeeded", "failed", "succeeded"]
    assert session.task(uids[1])["error"]["code"] == "invalid_document_id"
    assert session.ids() == [1, 3]


def test_a_failing_batch_fails_with_all_its_tasks(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold_tasks = True
    uids = [session.put(1), session.put(2)]
    fake.faults.failing_batches = 1
    fake.faults.hold_tasks = False
    fake.wait_until_idle()
    assert statuses(session, *uids) == ["failed", "failed"]
    assert session.task(uids[0])["error"]["code"] == "internal"
    assert session.ids() == []
    session.put(3)
    fake.wait_until_idle()
    assert session.ids() == [3]


def test_tasks_of_one_index_are_processed_in_order(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold_tasks = True
    for n in range(20):
        session.put(1, index=f"other_{n % 3}")
        session.put(n)
        session.delete(n) if n % 2 else session.put(n)
    fake.faults.hold_tasks = False
    fake.wait_until_idle()
    assert session.ids() == list(range(0, 20, 2))


def test_an_enqueued_task_is_canceled(fake: FakeMeili, session: Session) -> None:
    fake.faults.hold_tasks = True
    uids = [session.put(1), session.put(2)]
    session.send("POST", f"/tasks/cancel?uids={uids[0]}")
    fake.faults.hold_tasks = False
    fake.wait_until_idle()
    assert statuses(session, *uids) == ["canceled", "succeeded"]
    assert session.ids() == [2]


def test_a_processing_task_is_canceled(fake: FakeMeili, session: Session) -> None:
    fake.faults.stall_batches = True
    uid = session.put(1)
    while session.task(uid)["status"] != "processing":
        pass
    session.send("POST", f"/tasks/cancel?uids={uid}")
    fake.faults.stall_batches = False
    fake.wait_until_idle()
    assert statuses(session, uid) == ["canceled"]
    assert session.ids() == []


def test_a_processing_task_is_processed_again_after_a_crash(
    fake: FakeMeili, session: Session
) -> None:
    fake.faults.stall_batches = True
    uid = session.put(1)
    while session.task(uid)["status"] != "processing":
        pass
    fake.crash()
    fake.faults.stall_batches = False
    fake.wait_until_idle()
    assert statuses(session, uid) == ["succeeded"]
    assert session.ids() == [1]


def test_a_restored_server_reuses_task_uids(fake: FakeMeili, session: Session) -> None:
    session.put(1)
    fake.wait_until_idle()
    saved, created = fake.save_state(), session.send("GET", "/indexes/questions")["createdAt"]
    later = session.put(2)
    fake.wait_until_idle()
    fake.restore_state(saved)
    assert session.ids() == [1]
    assert session.send("GET", "/indexes/questions")["createdAt"] == created
    assert session.put(3) == later


def test_a_wiped_server_has_no_index_task_or_limited_key(fake: FakeMeili, session: Session) -> None:
    body = {"actions": ["*"], "indexes": ["*"], "expiresAt": None}
    limited = Session(fake.url, session.send("POST", "/keys", body)["key"])
    assert limited.ids() == []
    uid = session.put(1)
    fake.wait_until_idle()
    fake.wipe()
    assert limited.error_code("GET", "/indexes/questions") == "invalid_api_key"
    assert session.error_code("GET", "/indexes/questions") == "index_not_found"
    assert session.error_code("GET", f"/tasks/{uid}") == "task_not_found"
    assert session.put(1) == 0
    limited.http.close()


def test_only_a_key_that_may_create_indexes_creates_them_by_writing(
    fake: FakeMeili, session: Session
) -> None:
    body = {"actions": ["documents.*"], "indexes": ["*"], "expiresAt": None}
    limited = Session(fake.url, session.send("POST", "/keys", body)["key"])
    refused, created = limited.put(1, index="a"), session.put(1, index="b")
    fake.wait_until_idle()
    assert session.task(refused)["error"]["code"] == "index_not_found"
    assert session.task(created)["status"] == "succeeded"
    assert session.ids("b") == [1]
    limited.http.close()


@pytest.mark.parametrize("fault", ["unavailable", "search_queue_full"])
def test_an_overloaded_server_responds_503(fake: FakeMeili, session: Session, fault: str) -> None:
    setattr(fake.faults, fault, True)
    response = session.http.post("/indexes/questions/search", json={"q": "x"})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    fake.faults.reset()
    assert session.send("POST", "/indexes/questions/search", {"q": "x"})["hits"] == []


def test_a_full_disk_refuses_writes_but_not_reads(fake: FakeMeili, session: Session) -> None:
    fake.faults.full_disk = True
    path = "/indexes/questions/documents"
    assert session.error_code("POST", path, [{"id": 1}]) == "no_space_left_on_device"
    assert session.ids() == []


def test_a_lost_response_leaves_the_task_enqueued(fake: FakeMeili, session: Session) -> None:
    fake.faults.lost_responses = 1
    with pytest.raises(httpx.TransportError):
        session.put(1)
    fake.wait_until_idle()
    assert session.ids() == [1]


def test_a_lost_request_enqueues_nothing(fake: FakeMeili, session: Session) -> None:
    fake.faults.lost_requests = 1
    with pytest.raises(httpx.TransportError):
        session.put(1)
    fake.wait_until_idle()
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


def test_the_proxy_forwards_everything(
    fake: FakeMeili, proxy: FaultProxy, through: Session
) -> None:
    through.put(1)
    fake.wait_until_idle()
    assert through.ids() == [1]
    assert through.error_code("GET", "/indexes/nobody") == "index_not_found"
    assert [request.status for request in proxy.requests] == [202, 200, 404]


def test_the_proxy_closes_connections_before_or_after_forwarding(
    fake: FakeMeili, proxy: FaultProxy, through: Session
) -> None:
    proxy.add_fault(Fault("cut_before", times=1, method="POST", path="/documents$"))
    with pytest.raises(httpx.TransportError):
        through.put(1)
    proxy.add_fault(Fault("cut_after", times=1, method="POST", path="/documents$"))
    with pytest.raises(httpx.TransportError):
        through.put(2)
    fake.wait_until_idle()
    assert through.ids() == [2]


def test_the_proxy_delays_responds_and_refuses_connections(
    proxy: FaultProxy, through: Session
) -> None:
    late = proxy.add_fault(Fault("delay", seconds=1.0, path="fetch"))
    with pytest.raises(httpx.ReadTimeout):
        through.ids()
    late.times = 0
    proxy.add_fault(Fault("respond", status=503))
    assert through.http.get("/health").status_code == 503
    proxy.clear_faults()
    assert through.http.get("/health").status_code == 200
    proxy.down()
    with pytest.raises(httpx.ConnectError):
        through.http.get("/health")
    proxy.up()
    assert through.ids() == []
