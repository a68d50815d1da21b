"""Every write of questions refuses a missing scope, a key of another bank and a stale etag."""

from typing import Any

import pytest

from tests.questions.examples import BODIES
from tests.support.serving import Service

PATH = "/v1/editing/questions"
WRITES: list[tuple[str, str, dict[str, Any] | None, str]] = [
    ("PATCH", "", {"points": 2}, "questions:write"),
    ("DELETE", "", None, "questions:write"),
    ("POST", "/publish", None, "questions:publish"),
    ("POST", "/withdraw", None, "questions:publish"),
    ("POST", "/archive", None, "questions:publish"),
    ("POST", "/restore", None, "questions:publish"),
]
READS = ["", "/revisions", "/revisions/1", "/diff"]
OTHER_SCOPES = ("answers:read", "imports:write", "exports:read", "questions:read")


@pytest.fixture
def question(service: Service) -> dict[str, Any]:
    service.make_bank()
    service.make_bank(slug="other")
    return service.make_question(publish=False)


def unknown(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 404
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def test_keys_without_the_scope_or_the_bank_are_refused_on_every_write(
    service: Service, question: dict[str, Any]
) -> None:
    url = f"{PATH}/{question['id']}"
    absent = f"{PATH}/01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"
    lesser = service.make_key(*OTHER_SCOPES, banks=("science",))
    foreign = service.make_key("questions:write", "questions:publish", banks=("other",))
    editor = service.make_key("questions:write", "questions:publish", banks=("science",))
    for method, path, body, scope in WRITES:
        tag = {"If-Match": "*"}
        refused = lesser.request(method, url + path, json=body, headers=tag)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
        assert refused.json()["context"]["scope"] == scope
        hidden = foreign.request(method, url + path, json=body, headers=tag)
        nothing = foreign.request(method, absent + path, json=body, headers=tag)
        assert unknown(hidden) == unknown(nothing)
        stale = editor.request(method, url + path, json=body, headers={"If-Match": '"old"'})
        assert stale.status_code == 412
        assert service.anonymous.request(method, url + path, json=body).status_code == 401
    assert service.admin.get(url).json() == question


def test_reading_needs_the_scope_on_the_bank(service: Service, question: dict[str, Any]) -> None:
    url = f"{PATH}/{question['id']}"
    foreign = service.make_key("questions:read", banks=("other",))
    lesser = service.make_key("answers:read", "questions:publish", banks=("science",))
    for path in READS:
        assert unknown(foreign.get(url + path))
        assert lesser.get(url + path).status_code == 403
        assert service.anonymous.get(url + path).status_code == 401
        assert service.admin.get(url + path).status_code == 200
        assert service.admin.get(url + path + "?colour=red").status_code == 422


def test_creating_needs_the_scope_on_the_bank(service: Service, question: dict[str, Any]) -> None:
    writer = service.make_key("questions:write", banks=("other",))
    body = BODIES["true_false"]
    assert writer.post(PATH, json=body | {"bank": "other"}).status_code == 201
    hidden = unknown(writer.post(PATH, json=body | {"bank": "science"}))
    assert hidden == unknown(writer.post(PATH, json=body | {"bank": "nowhere"}))
    refused = writer.post(f"{PATH}?publish=true", json=body | {"bank": "other"})
    assert refused.json()["context"] == {"scope": "questions:publish", "bank": "other"}
    assert service.admin.get(f"{PATH}?bank=other").json()["total"] == 1
