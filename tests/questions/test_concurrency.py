"""Concurrent editors neither overwrite each other nor deadlock."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.questions.examples import BODIES, make_terms, published_rows
from tests.support.databases import ADMIN_KEY
from tests.support.serving import Service

PATH = "/v1/editing/questions"
THREADS = 6


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


def at_once(service: Service, work: Callable[[httpx.Client, int], Any]) -> list[Any]:
    """Run `work` in several threads that start together; return their results."""
    barrier = threading.Barrier(THREADS)
    results: list[Any] = [None] * THREADS

    def run(place: int) -> None:
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
            barrier.wait()
            results[place] = work(client, place)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_concurrent_changes_with_one_etag_one_is_saved(service: Service, bank: str) -> None:
    made: Any = service.make_question()
    url = f"{PATH}/{made['id']}"

    def change(client: httpx.Client, place: int) -> int:
        tag = {"If-Match": f'"{made["etag"]}"'}
        return client.patch(url, json={"points": place + 1}, headers=tag).status_code

    for _ in range(5):
        assert Counter(at_once(service, change)) == {200: 1, 412: THREADS - 1}
        made = service.admin.get(url).json()
    assert made["revision"] == 6


def test_of_concurrent_creates_with_one_external_id_one_succeeds(
    service: Service, bank: str
) -> None:
    body = BODIES["true_false"] | {"bank": bank, "external_id": "wanted"}

    def make(client: httpx.Client, _: int) -> Any:
        return client.post(f"{PATH}?publish=true", json=body).json()

    for _ in range(3):
        answers = at_once(service, make)
        made = [answer for answer in answers if "id" in answer]
        assert len(made) == 1
        taken = [answer for answer in answers if "code" in answer]
        assert {answer["code"] for answer in taken} == {"external_id_taken"}
        assert all(answer["context"] == {"id": made[0]["id"]} for answer in taken)
        url = f"{PATH}/{made[0]['id']}"
        tag = {"If-Match": "*"}
        service.expect(service.admin.patch(url, json={"external_id": None}, headers=tag), 200)


def test_batches_over_the_same_questions_do_not_deadlock(service: Service, bank: str) -> None:
    ids = [service.make_question()["id"] for _ in range(4)]
    body = BODIES["true_false"] | {"bank": bank}

    def work(client: httpx.Client, place: int) -> list[int]:
        statuses = []
        for round_ in range(4):
            order = ids if place % 2 else ids[::-1]
            names = ["x", "y"] if place % 2 else ["y", "x"]
            items: list[dict[str, Any]] = [
                {"op": "create", "question": body | {"external_id": f"{name}-{round_}"}}
                for name in names
            ]
            items += [
                {"op": "update", "id": each, "etag": "*", "question": {"points": place + 1}}
                | {"publish": True}
                for each in order
            ]
            answer = client.post(f"{PATH}/batch", json={"items": items})
            assert answer.status_code == 200, answer.text
            statuses += [item["status"] for item in answer.json()["items"]]
        return statuses

    counted = Counter(status for each in at_once(service, work) for status in each)
    assert counted == {200: 4 * 4 * THREADS, 201: 8, 409: 8 * THREADS - 8}
    rows = published_rows(service)
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert {row[2] for row in rows} == {1 + 4 * THREADS}


def test_no_question_keeps_a_term_that_is_merged_concurrently(service: Service, bank: str) -> None:
    make_terms(service, tags=["viva", "old"])
    body = BODIES["true_false"] | {"bank": bank, "tags": ["old"]}

    def work(client: httpx.Client, place: int) -> list[int]:
        if place:
            url = f"{PATH}?publish=true"
            return [client.post(url, json=body).status_code for _ in range(8)]
        statuses: list[int] = []
        while not statuses or statuses[-1] == 503:
            answer = client.post("/v1/editing/tags/old/merge", json={"into": "viva"})
            statuses.append(answer.status_code)
        return statuses

    results = at_once(service, work)
    assert results[0][-1] == 200
    assert {status for each in results[1:] for status in each} <= {201, 422, 503}
    made = sum(status == 201 for each in results[1:] for status in each)
    page = service.admin.get(f"{PATH}?tag=viva").json()
    assert page["total"] == made
    assert all(item["tags"] == ["viva"] for item in page["items"])


def test_merges_in_a_ring_do_not_deadlock(service: Service, bank: str) -> None:
    names = [f"ring-{place}" for place in range(THREADS)]

    def work(client: httpx.Client, place: int) -> httpx.Response:
        into = {"into": names[(place + 1) % THREADS]}
        return client.post(f"/v1/editing/tags/{names[place]}/merge", json=into)

    for round_ in range(4):
        names = [f"ring-{round_}-{place}" for place in range(THREADS)]
        make_terms(service, tags=names)
        for _ in range(6):
            service.make_question(publish=False, tags=names)
        answers = at_once(service, work)
        assert {answer.status_code for answer in answers} <= {200, 404, 422, 503}
        assert not any("busy" in answer.text for answer in answers)
