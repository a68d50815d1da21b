"""Creating, changing and deleting questions, and the order of errors."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.kinds import KINDS
from app.questions.state import etag_of
from tests.questions.examples import BODIES, OPTIONS, make_terms, published_rows
from tests.support.serving import Service

PATH = "/v1/editing/questions"


def etag(question: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{question["etag"]}"'}


def codes(answer: httpx.Response) -> list[tuple[str, str | None]]:
    assert answer.status_code == 422, answer.text
    return [(error["code"], error["pointer"]) for error in answer.json()["errors"]]


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_created_with_its_defaults_and_read_back(
    service: Service, bank: str, kind: str
) -> None:
    answer = service.admin.post(PATH, json=BODIES[kind] | {"bank": bank})
    made = service.expect(answer, 201)
    assert answer.headers["Location"] == f"{PATH}/{made['id']}"
    assert answer.headers["ETag"] == f'"{made["etag"]}"'
    assert service.admin.get(answer.headers["Location"]).json() == made
    assert (made["revision"], made["state"], made["published_revision"]) == (1, "draft", None)
    assert (made["points"], made["language"], made["hints"]) == (1, "en", [])
    assert made["explanation"] is None
    assert made["published_at"] is None
    assert made["unpublished_changes"] is False
    assert published_rows(service) == []


def test_the_language_defaults_to_the_banks(service: Service) -> None:
    service.make_bank(slug="deutsch", language="de")
    body = BODIES["true_false"] | {"bank": "deutsch"}
    assert service.expect(service.admin.post(PATH, json=body), 201)["language"] == "de"
    given = service.expect(service.admin.post(PATH, json=body | {"language": "pt-BR"}), 201)
    assert given["language"] == "pt-BR"
    cleared = service.admin.patch(
        f"{PATH}/{given['id']}", json={"language": None}, headers=etag(given)
    )
    assert service.expect(cleared, 200)["language"] == "de"


def test_editing_a_published_question_does_not_change_the_live_revision(
    service: Service, bank: str
) -> None:
    made = service.make_question()
    before = published_rows(service)
    answer = service.admin.patch(
        f"{PATH}/{made['id']}", json={"stem": "Another?"}, headers=etag(made)
    )
    changed = service.expect(answer, 200)
    assert (changed["revision"], changed["published_revision"]) == (2, 1)
    assert changed["unpublished_changes"] is True
    assert changed["state"] == "published"
    assert published_rows(service) == before
    published = service.expect(
        service.admin.post(f"{PATH}/{made['id']}/publish", headers=etag(changed)), 200
    )
    assert published["unpublished_changes"] is False
    assert [row[2] for row in published_rows(service)] == [2]


def test_a_patch_merges_objects_replaces_lists_and_clears_with_null(
    service: Service, bank: str
) -> None:
    body = BODIES["numeric"] | {"bank": bank, "hints": ["a", "b"], "points": 2.5}
    made = service.expect(service.admin.post(PATH, json=body), 201)
    assert made["answer"] == {"value": "1.5", "tolerance": "0.1", "tolerance_kind": "absolute"}
    patch = {
        "hints": ["c"],
        "points": None,
        "unit": None,
        "answer": {"value": "2.50", "tolerance": None},
    }
    answer = service.admin.patch(
        f"{PATH}/{made['id']}",
        json=patch,
        headers=etag(made) | {"Content-Type": "application/merge-patch+json"},
    )
    changed = service.expect(answer, 200)
    assert changed["answer"] == {"value": "2.5", "tolerance": "0", "tolerance_kind": "absolute"}
    assert (changed["hints"], changed["points"], changed["unit"]) == (["c"], 1, None)


def test_options_keep_their_ids_and_new_options_get_new_ids(service: Service, bank: str) -> None:
    body = BODIES["single_choice"] | {"bank": bank}
    made: Any = service.expect(service.admin.post(PATH, json=body), 201)
    first, second, third = (dict(option) for option in made["options"])
    options = [third | {"text": "The Earth"}, {"text": "Pluto", "key": False}, first]
    answer = service.admin.patch(
        f"{PATH}/{made['id']}", json={"options": options}, headers=etag(made)
    )
    changed: Any = service.expect(answer, 200)["options"]
    assert [option["id"] for option in changed][::2] == [third["id"], first["id"]]
    assert changed[1]["id"] not in {first["id"], second["id"], third["id"]}
    assert changed[0]["text"] == "The Earth"
    gone = service.admin.get(f"{PATH}/{made['id']}").json()
    answer = service.admin.patch(
        f"{PATH}/{made['id']}", json={"options": [first, second]}, headers=etag(gone)
    )
    assert codes(answer) == [("invalid_value", "/options/1/id")]


def test_an_unknown_option_id_is_refused(service: Service, bank: str) -> None:
    options = [OPTIONS[0] | {"id": "mine"}, *OPTIONS[1:]]
    body = BODIES["single_choice"] | {"bank": bank, "options": options}
    assert codes(service.admin.post(PATH, json=body)) == [("invalid_value", "/options/0/id")]


def test_read_only_fields_may_only_be_sent_unchanged(service: Service, bank: str) -> None:
    made = service.make_question()
    answer = service.admin.patch(f"{PATH}/{made['id']}", json=made, headers=etag(made))
    changed = service.expect(answer, 200)
    other = {"bank": "other", "kind": "open", "revision": 9, "state": "draft", "id": "x"}
    answer = service.admin.patch(f"{PATH}/{made['id']}", json=other, headers=etag(changed))
    assert sorted(codes(answer)) == [("read_only", f"/{name}") for name in sorted(other)]
    body = BODIES["true_false"] | {"bank": bank, "revision": 1}
    assert codes(service.admin.post(PATH, json=body)) == [("read_only", "/revision")]


def test_a_company_that_is_removed_loses_its_evidence(service: Service, bank: str) -> None:
    make_terms(service, companies=["acme", "globex"])
    known = {"source": "a talk", "first_seen": "2025-01-01", "last_seen": None, "times_seen": 3}
    made = service.make_question(companies=["acme", "globex"], evidence={"acme": known})
    assert made["evidence"] == {"acme": known}
    answer = service.admin.patch(
        f"{PATH}/{made['id']}", json={"companies": ["globex"]}, headers=etag(made)
    )
    assert service.expect(answer, 200)["evidence"] == {}


def test_unknown_terms_are_refused_with_suggestions(service: Service, bank: str) -> None:
    make_terms(service, categories=["ensembles"], tags=["viva"])
    body = BODIES["true_false"] | {"bank": bank, "categories": ["ensembels"], "tags": ["viva"]}
    answer = service.admin.post(PATH, json=body)
    assert codes(answer) == [("unknown_value", "/categories/0")]
    assert answer.json()["errors"][0]["suggestions"] == ["ensembles"]
    named = service.admin.post(PATH, json=body | {"categories": ["Ensembles"]})
    assert codes(named) == [("invalid_value", "/categories/0")]


def test_an_unknown_field_is_refused_with_suggestions(service: Service, bank: str) -> None:
    answer = service.admin.post(PATH, json=BODIES["true_false"] | {"bank": bank, "dificulty": 1})
    assert codes(answer) == [("unknown_field", "/dificulty")]
    assert answer.json()["errors"][0]["suggestions"] == ["difficulty"]
    nested = BODIES["single_choice"] | {"bank": bank, "options": [{"txt": "a"}, *OPTIONS]}
    found = service.admin.post(PATH, json=nested).json()["errors"]
    assert {error["pointer"]: error["suggestions"] for error in found}["/options/0/txt"] == ["text"]


def test_an_external_id_is_unique_in_its_bank(service: Service, bank: str) -> None:
    service.make_bank(slug="other")
    made = service.make_question(external_id="q-1")
    body = BODIES["true_false"] | {"external_id": "q-1"}
    taken = service.admin.post(PATH, json=body | {"bank": bank})
    assert (taken.status_code, taken.json()["code"]) == (409, "external_id_taken")
    assert taken.json()["context"] == {"id": made["id"]}
    elsewhere = service.expect(service.admin.post(PATH, json=body | {"bank": "other"}), 201)
    assert elsewhere["external_id"] == "q-1"
    second = service.make_question()
    url = f"{PATH}/{second['id']}"
    stolen = service.admin.patch(url, json={"external_id": "q-1"}, headers=etag(second))
    assert stolen.json()["code"] == "external_id_taken"
    freed = service.admin.patch(
        f"{PATH}/{made['id']}", json={"external_id": None}, headers=etag(made)
    )
    assert service.expect(freed, 200)["external_id"] is None
    given = service.admin.patch(url, json={"external_id": "q-1"}, headers=etag(second))
    assert service.expect(given, 200)["external_id"] == "q-1"


def test_errors_are_checked_in_the_documented_order(service: Service, bank: str) -> None:
    made = service.make_question()
    url = f"{PATH}/{made['id']}"
    wrong = {"stem": 1}
    unknown = service.admin.patch(PATH + "/01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f", json=wrong)
    assert unknown.status_code == 404
    nowhere = PATH + "/01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"
    moves = [f"/{action}?bogus=1" for action in ("publish", "withdraw", "archive", "restore")]
    for method, rest in [
        ("PATCH", "?bogus=1"),
        ("DELETE", "?bogus=1"),
        *(("POST", m) for m in moves),
    ]:
        sent: dict[str, Any] = {"json": []} if method == "PATCH" else {}
        answer = service.admin.request(method, nowhere + rest, **sent)
        assert (answer.status_code, method, rest) == (404, method, rest)
    for method, rest in [("PATCH", "?bogus=1"), ("DELETE", "?bogus=1"), ("POST", moves[0])]:
        body: dict[str, Any] = {"json": []} if method == "PATCH" else {}
        assert service.admin.request(method, url + rest, **body).status_code == 428
        old = {"If-Match": '"old"'}
        assert service.admin.request(method, url + rest, headers=old, **body).status_code == 412
        right = etag(made)
        assert service.admin.request(method, url + rest, headers=right, **body).status_code == 422
    absent = service.admin.patch(url, json=wrong)
    assert (absent.status_code, absent.json()["code"]) == (428, "precondition_required")
    stale = service.admin.patch(url, json=wrong, headers={"If-Match": '"old"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "revision_stale")
    assert codes(service.admin.patch(url, json=wrong, headers=etag(made)))
    quoted = service.admin.patch(url, json={}, headers={"If-Match": '"*"'})
    assert quoted.status_code == 412
    for weak in ('W/"{}"', '"old", "{}"', "*"):
        tag = {"If-Match": weak.format(made["etag"])}
        answer = service.admin.patch(url, json={"hints": []}, headers=tag)
        made = service.expect(answer, 200)


def test_etags_depend_on_the_state_and_nothing_else(service: Service, bank: str) -> None:
    made = service.make_question()
    url = f"{PATH}/{made['id']}"
    patch = {"answer": {"value": False}}
    changed = service.expect(service.admin.patch(url, json=patch, headers=etag(made)), 200)
    assert changed["etag"] == etag_of(UUID(str(made["id"])), 2, "published", 1)


def test_only_never_published_questions_can_be_deleted(service: Service, bank: str) -> None:
    draft = service.make_question(publish=False)
    url = f"{PATH}/{draft['id']}"
    assert service.admin.delete(url).status_code == 428
    assert service.admin.delete(url, headers=etag(draft)).status_code == 204
    assert service.admin.get(url).status_code == 404
    live = service.make_question()
    refused = service.admin.delete(f"{PATH}/{live['id']}", headers=etag(live))
    assert (refused.status_code, refused.json()["code"]) == (409, "was_published")
    gone = service.expect(
        service.admin.post(f"{PATH}/{live['id']}/withdraw", headers=etag(live)), 200
    )
    refused = service.admin.delete(f"{PATH}/{live['id']}", headers=etag(gone))
    assert refused.json()["code"] == "was_published"


def test_a_repeated_post_creates_one_question(service: Service, bank: str) -> None:
    body = BODIES["true_false"] | {"bank": bank}
    key = {"Idempotency-Key": "once"}
    first = service.admin.post(PATH, json=body, headers=key)
    second = service.admin.post(PATH, json=body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    assert service.admin.get(PATH).json()["total"] == 1
    other = service.admin.post(PATH, json=body | {"difficulty": "hard"}, headers=key)
    assert other.json()["code"] == "idempotency_mismatch"


def test_an_idempotency_key_belongs_to_one_path_and_query(service: Service, bank: str) -> None:
    body = BODIES["true_false"] | {"bank": bank}
    key = {"Idempotency-Key": "once"}
    first = service.expect(service.admin.post(PATH, json=body, headers=key), 201)
    published = service.admin.post(f"{PATH}?publish=true", json=body, headers=key)
    assert (published.status_code, published.json()["code"]) == (422, "idempotency_mismatch")
    second = service.make_question(publish=False)
    key |= {"If-Match": "*"}
    service.expect(service.admin.post(f"{PATH}/{first['id']}/publish", headers=key), 200)
    other = service.admin.post(f"{PATH}/{second['id']}/publish", headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    again = service.admin.post(f"{PATH}/{first['id']}/publish", headers=key)
    assert again.json()["state"] == "published"


def test_a_refused_save_writes_nothing(service: Service, bank: str) -> None:
    made = service.make_question(publish=False)
    url = f"{PATH}/{made['id']}"
    service.expect(service.admin.post(f"{url}/archive"), 200)
    refused = service.admin.patch(
        f"{url}?publish=true", json={"stem": "x"}, headers={"If-Match": "*"}
    )
    assert refused.json()["code"] == "wrong_state"
    assert service.admin.get(f"{url}/revisions").json()["total"] == 1
    assert published_rows(service) == []


def test_a_key_without_answers_read_sees_no_answers(service: Service, bank: str) -> None:
    reader = service.make_key("questions:read", banks=(bank,))
    for kind in KINDS:
        body = BODIES[kind] | {"bank": bank, "explanation": "why"}
        made = service.expect(service.admin.post(PATH, json=body), 201)
        seen = reader.get(f"{PATH}/{made['id']}").json()
        assert "answer" not in seen
        assert "explanation" not in seen
        assert all(option.keys() == {"id", "text"} for option in seen.get("options", []))
        assert seen["etag"] == made["etag"]
        assert seen.keys() >= made.keys() - {"answer", "explanation"}


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"{}"])
def test_an_invalid_question_is_refused(service: Service, bank: str, body: bytes) -> None:
    answer = service.admin.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("body", [b"{", b'{"a": NaN}', b'{"bank": "\\u0000"}'])
def test_invalid_json_is_refused(service: Service, bank: str, body: bytes) -> None:
    answer = service.admin.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
