"""The states of a question and the actions between them."""

from typing import Any

import pytest

from tests.questions.examples import published_rows
from tests.support.serving import Service

PATH = "/v1/editing/questions"
AT_ANY = {"If-Match": "*"}


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


def move(service: Service, question: dict[str, Any], action: str) -> dict[str, Any]:
    url = f"{PATH}/{question['id']}/{action}"
    return service.expect(service.admin.post(url, headers=AT_ANY), 200)


def test_a_question_passes_through_all_states(service: Service, bank: str) -> None:
    made = service.make_question(publish=False)
    assert move(service, made, "publish")["state"] == "published"
    withdrawn = move(service, made, "withdraw")
    assert (withdrawn["state"], withdrawn["published_revision"]) == ("draft", None)
    assert move(service, made, "archive")["state"] == "archived"
    assert move(service, made, "restore")["state"] == "draft"
    live = move(service, made, "publish")
    assert (live["state"], live["published_revision"]) == ("published", 1)
    archived = move(service, made, "archive")
    assert (archived["state"], archived["published_revision"]) == ("archived", None)
    assert [row[2] for row in published_rows(service)] == [None]


def test_the_time_of_the_first_publication_is_kept(service: Service, bank: str) -> None:
    made = service.make_question()
    move(service, made, "withdraw")
    again = move(service, made, "publish")
    assert again["published_at"] == made["published_at"]


@pytest.mark.parametrize(
    ("before", "action", "applicable"),
    [
        ([], "withdraw", ["publish", "archive"]),
        ([], "restore", ["publish", "archive"]),
        (["publish"], "publish", ["withdraw", "archive"]),
        (["publish"], "restore", ["withdraw", "archive"]),
        (["archive"], "archive", ["restore"]),
        (["archive"], "publish", ["restore"]),
        (["archive"], "withdraw", ["restore"]),
    ],
)
def test_a_refused_action_names_the_allowed_ones(
    service: Service, bank: str, before: list[str], action: str, applicable: list[str]
) -> None:
    made = service.make_question(publish=False)
    for step in before:
        made = move(service, made, step)
    refused = service.admin.post(f"{PATH}/{made['id']}/{action}", headers=AT_ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    assert refused.json()["context"] == {"state": made["state"], "applicable": applicable}
    assert service.admin.get(f"{PATH}/{made['id']}").json() == made


def test_an_older_revision_can_be_published(service: Service, bank: str) -> None:
    made = service.make_question(publish=False, stem="First?")
    url = f"{PATH}/{made['id']}"
    service.expect(service.admin.patch(url, json={"stem": "Second?"}, headers=AT_ANY), 200)
    answer = service.admin.post(f"{url}/publish", json={"revision": 1}, headers=AT_ANY)
    live = service.expect(answer, 200)
    assert (live["revision"], live["published_revision"]) == (2, 1)
    assert live["unpublished_changes"] is True
    assert [row[2] for row in published_rows(service)] == [1]
    for wrong in ({"revision": 9}, {"revision": "1"}, {"number": 1}):
        refused = service.admin.post(f"{url}/publish", json=wrong, headers=AT_ANY)
        assert refused.status_code == 422, refused.text


def test_publishing_requires_an_etag_and_withdrawing_checks_one_if_sent(
    service: Service, bank: str
) -> None:
    made = service.make_question(publish=False)
    url = f"{PATH}/{made['id']}"
    assert service.admin.post(f"{url}/publish").status_code == 428
    old = {"If-Match": '"old"'}
    assert service.admin.post(f"{url}/publish", headers=old).status_code == 412
    assert service.admin.post(f"{url}/archive", headers=old).status_code == 412
    assert service.admin.post(f"{url}/archive").status_code == 200


def test_a_key_with_only_the_publish_scope_sees_the_state(service: Service, bank: str) -> None:
    made = service.make_question(publish=False)
    publisher = service.make_key("questions:publish", banks=(bank,))
    url = f"{PATH}/{made['id']}"
    assert publisher.get(url).status_code == 403
    seen = service.expect(publisher.post(f"{url}/publish", headers=AT_ANY), 200)
    assert seen["state"] == "published"
    assert not seen.keys() & {"stem", "answer", "explanation", "hints"}


def test_each_write_carries_the_edition_of_its_own_commit(service: Service, bank: str) -> None:
    made = service.make_question(publish=False)
    seen = set()
    for action in ("publish", "withdraw", "publish", "archive"):
        answer = service.admin.post(f"{PATH}/{made['id']}/{action}", headers=AT_ANY)
        seen.add(answer.headers["Quizwell-Edition"])
        service.wait_for_write(answer)
    assert len(seen) == 4
