"""The door and the documented routes give the same bytes; so do GET and HEAD, but for the body."""

from uuid import UUID

import httpx
import pytest

from app.catalog.http.fast_routes import Door
from tests.catalog.support import make_question
from tests.support.serving import Service

OWN = {"date", "ratelimit"}
PLAIN = {"Accept-Encoding": "identity"}
UNKNOWN = UUID(int=7)


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    # The framework compresses by itself, and tells so of every answer.
    varies = set(headers.pop("vary", "").split(", ")) - {"Accept-Encoding", ""}
    headers["vary"] = ", ".join(sorted(varies))
    body = answer.content
    if answer.status_code >= 400:
        body = body.replace(answer.json()["request_id"].encode(), b"")
    return answer.status_code, headers, body


def test_the_door_and_the_documented_routes_give_the_same_bytes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.make_bank()
    service.make_bank(slug="closed", name="Closed", read="restricted", answers="restricted")
    made = [service.make_question(stem=f"Is it *so*, {number}?") for number in range(30)]
    closed = service.make_question(bank="closed")
    cursor = service.anonymous.get("/v1/questions?limit=3").json()["next_cursor"]
    mark = service.anonymous.get("/v1/changes?limit=3").json()["mark"]
    addresses = [
        "/v1/questions",
        "/v1/questions?limit=2&difficulty=easy&kind=-open&answers=true",
        f"/v1/questions?limit=2&cursor={cursor}",
        "/v1/questions?limit=3&format=html",
        "/v1/questions?limit=3&format=nodes&answers=true",
        "/v1/questions?sort=sideways",
        "/v1/questions?bank=nowhere",
        f"/v1/questions?cursor={cursor}x",
        f"/v1/questions/{made[0]['id']}",
        f"/v1/questions/{made[0]['id']}?format=text&answers=true",
        f"/v1/questions/{made[0]['id']}?colour=red",
        f"/v1/questions/{closed['id']}",
        f"/v1/questions/{UNKNOWN}",
        "/v1/questions/no-id-at-all",
        "/v1/facets?level=intern",
        "/v1/facets?limit=1",
        "/v1/categories",
        "/v1/companies?limit=1",
        "/v1/tags?tag_all=x",
        "/v1/banks",
        "/v1/changes?limit=1000",
        f"/v1/changes?limit=5&after={mark}",
        "/v1/changes?after=x",
    ]
    clients = [service.anonymous, service.admin]
    cases = [
        (client, address, headers)
        for client in clients
        for address in addresses
        for headers in (PLAIN, PLAIN | {"If-None-Match": "*"})
    ]
    at_door = [_told(client.get(address, headers=headers)) for client, address, headers in cases]
    good = [case for case, told in zip(cases, at_door, strict=True) if told[0] == 200]
    by_head = [_told(client.head(address, headers=headers)) for client, address, headers in good]
    assert [told[:2] for told in by_head] == [told[:2] for told in at_door if told[0] == 200]
    assert {told[2] for told in by_head} == {b""}
    monkeypatch.setattr(Door, "find", lambda *_: None)
    documented = [_told(client.get(address, headers=headers)) for client, address, headers in cases]
    for case, one, other in zip(cases, at_door, documented, strict=True):
        assert one == other, case[1:]
    assert {200, 304, 404, 410, 422} == {told[0] for told in at_door}


def test_a_hot_answer_comes_ahead_of_the_framework(service: Service) -> None:
    service.make_bank()
    question = make_question()
    answer = service.anonymous.get(f"/v1/questions/{question.id}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
