"""Revisions: listing, reading and comparing them."""

from typing import Any

import pytest

from app.questions.revision_diff import differences
from tests.questions.examples import BODIES
from tests.support.serving import Service

PATH = "/v1/editing/questions"
AT_ANY = {"If-Match": "*"}


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


def change(service: Service, url: str, note: str | None = None, **patch: Any) -> dict[str, Any]:
    query = f"?note={note}" if note else ""
    return service.expect(service.admin.patch(url + query, json=patch, headers=AT_ANY), 200)


def test_revisions_are_listed_with_author_time_and_note_and_read_singly(
    service: Service, bank: str
) -> None:
    made = service.make_question(stem="One?", publish=False)
    url = f"{PATH}/{made['id']}"
    change(service, url, note="better", stem="Two?")
    change(service, url, stem="Three?")
    page = service.admin.get(f"{url}/revisions?limit=2").json()
    assert page["total"] == 3
    assert [item["revision"] for item in page["items"]] == [3, 2]
    assert [item["note"] for item in page["items"]] == [None, "better"]
    assert all(item["by"] for item in page["items"])
    rest = service.admin.get(f"{url}/revisions?cursor={page['next_cursor']}").json()
    assert [item["revision"] for item in rest["items"]] == [1]
    assert rest["next_cursor"] is None
    stems = [
        service.admin.get(f"{url}/revisions/{number}").json()["question"]["stem"]
        for number in (1, 2, 3)
    ]
    assert stems == ["One?", "Two?", "Three?"]
    assert service.admin.get(f"{url}/revisions/4").status_code == 404
    assert service.admin.get(f"{url}/revisions/99999999999999999999").status_code == 404


def test_a_diff_lists_changes_and_shows_answers_only_with_the_right(
    service: Service, bank: str
) -> None:
    body = BODIES["single_choice"] | {"bank": bank}
    made: Any = service.expect(service.admin.post(PATH, json=body), 201)
    url = f"{PATH}/{made['id']}"
    first, second, third = made["options"]
    options = [third | {"key": True}, first | {"key": False}, {"text": "Pluto", "key": False}]
    change(service, url, options=options, points=2, explanation="Because.")
    diff = service.admin.get(f"{url}/diff").json()
    assert (diff["from"], diff["to"]) == (1, 2)
    changes = {item["pointer"]: (item["before"], item["after"]) for item in diff["changes"]}
    assert changes["/points"] == (1, 2)
    assert changes["/explanation"] == (None, "Because.")
    assert changes[f"/options/{first['id']}/key"] == (True, False)
    assert changes[f"/options/{second['id']}"] == (second, None)
    assert "/options" in changes
    reader = service.make_key("questions:read", banks=(bank,))
    text = reader.get(f"{url}/diff?from=1&to=2").text
    assert '"/points"' in text
    assert "Because." not in text
    assert "key" not in text
    assert "feedback" not in text
    assert service.admin.get(f"{url}/diff?from=2&to=2").json()["changes"] == []
    assert service.admin.get(f"{url}/diff?from=1&to=9").status_code == 404


def test_a_diff_starts_from_the_live_revision_by_default(service: Service, bank: str) -> None:
    made = service.make_question()
    url = f"{PATH}/{made['id']}"
    change(service, url, points=2)
    change(service, url, points=3)
    diff = service.admin.get(f"{url}/diff").json()
    assert (diff["from"], diff["to"]) == (1, 3)


def test_pointers_are_escaped_and_lists_compared_as_a_whole() -> None:
    before = {"a/b": 1, "tags": ["x"], "answer": {"value": "1", "kept": True}, "revision": 1}
    after = {"a/b": 2, "tags": ["x", "y"], "answer": {"value": "2", "kept": True}, "revision": 2}
    assert differences(before, after) == [
        {"pointer": "/a~1b", "before": 1, "after": 2},
        {"pointer": "/tags", "before": ["x"], "after": ["x", "y"]},
        {"pointer": "/answer/value", "before": "1", "after": "2"},
    ]
