"""Banks over HTTP: closed by default, opened by admins only, deleted when empty."""

from typing import Any

import httpx
import pytest

from app.published.publishing import publish
from tests.support.publications import make_publication
from tests.support.serving import BANK, Service

PATH = "/v1/editing/banks"
CLOSED = {"read": "restricted", "answers": "restricted", "exposure": "open", "reveal": "score"}


def _code(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    return str(response.json()["code"])


def _errors(response: httpx.Response) -> dict[str, tuple[str, list[str]]]:
    assert response.status_code == 422, response.text
    return {
        error["parameter"] or error["pointer"]: (error["code"], error["suggestions"])
        for error in response.json()["errors"]
    }


def test_a_new_bank_is_closed_by_default(service: Service) -> None:
    response = service.admin.post(PATH, json={"slug": "maths", "name": " Pure  maths "})
    created = service.expect(response, 201)
    assert created.items() >= (CLOSED | {"name": "Pure maths", "language": "en"}).items()
    assert response.headers["Location"] == "/v1/editing/banks/maths"
    assert response.headers["ETag"] == f'"{created["etag"]}"'
    assert response.headers["Cache-Control"] == "no-store"
    assert service.admin.get(response.headers["Location"]).json() == created


def test_a_taken_slug_is_refused(service: Service) -> None:
    service.make_bank()
    response = service.admin.post(PATH, json=BANK | {"name": "Another"})
    assert _code(response, 409) == "name_taken"
    assert response.json()["context"] == {"slug": "science"}


def test_every_invalid_field_is_reported_with_suggestions(service: Service) -> None:
    body = {"slug": "Not a slug", "name": "\t", "raed": "public", "read": "publik"}
    assert _errors(service.admin.post(PATH, json=body)) == {
        "/slug": ("invalid_value", []),
        "/name": ("invalid_value", []),
        "/raed": ("unknown_field", ["read"]),
        "/read": ("unknown_value", ["public"]),
    }
    id_like = {"slug": "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f", "name": "An id"}
    assert _errors(service.admin.post(PATH, json=id_like)) == {"/slug": ("invalid_value", [])}
    assert _errors(service.admin.post(PATH, json=[1])) == {"": ("invalid_value", [])}
    assert _errors(service.admin.post(PATH, json={})).keys() == {"/slug", "/name"}


def test_a_patch_keeps_absent_fields_and_null_sets_the_default(service: Service) -> None:
    service.make_bank(description="Old", language="de")
    response = service.admin.patch(
        f"{PATH}/science",
        json={"name": "New", "description": None, "read": None, "slug": "science"},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    changed = service.expect(response, 200)
    expected = BANK | {"name": "New", "language": "de", "read": "restricted"}
    assert changed.items() >= expected.items()
    assert _errors(
        service.admin.patch(f"{PATH}/science", json={"name": None, "slug": "other"})
    ) == {"/slug": ("read_only", [])}
    assert _errors(service.admin.patch(f"{PATH}/science", json={"name": None})) == {
        "/name": ("missing_value", [])
    }
    back = service.admin.patch(f"{PATH}/science", json=changed)
    assert service.expect(back, 200) == changed


@pytest.mark.parametrize(
    "rule", [{"read": "public"}, {"answers": "public"}, {"exposure": "open"}, {"reveal": "key"}]
)
def test_opening_a_rule_needs_admin_and_closing_it_does_not(
    service: Service, rule: dict[str, str]
) -> None:
    editor = service.make_key("banks:write")
    closed = {"slug": "exams", "name": "Exams", "exposure": "exam", "reveal": "never"}
    service.expect(editor.post(PATH, json=closed), 201)
    refused = editor.patch(f"{PATH}/exams", json=rule)
    assert _code(refused, 403) == "missing_scope"
    assert refused.json()["context"] == {"scope": "admin"}
    opened = service.expect(service.admin.patch(f"{PATH}/exams", json=rule), 200)
    assert opened.items() >= rule.items()
    service.expect(editor.patch(f"{PATH}/exams", json=closed | rule), 200)
    shut = service.expect(editor.patch(f"{PATH}/exams", json=closed), 200)
    assert shut.items() >= closed.items()
    if rule != {"exposure": "open"}:
        more = {"slug": "more", "name": "More"} | rule
        assert _code(editor.post(PATH, json=more), 403) == "missing_scope"


def test_if_match_is_optional_and_a_stale_etag_is_refused(service: Service) -> None:
    service.make_bank()
    bank = f"{PATH}/science"
    etag = service.admin.get(bank).headers["ETag"]
    for match in (etag, f"W/{etag}", "*", f'"other", {etag}'):
        response = service.admin.patch(bank, json={}, headers={"If-Match": match})
        service.expect(response, 200)
    service.expect(service.admin.patch(bank, json={"name": "New"}), 200)
    for send in (
        service.admin.patch(bank, json={"nmae": "x"}, headers={"If-Match": etag}),
        service.admin.delete(bank, headers={"If-Match": etag}),
    ):
        assert _code(send, 412) == "revision_stale"


def test_errors_have_a_fixed_order(service: Service) -> None:
    service.make_bank()
    reader = service.make_key("questions:write")
    bank = f"{PATH}/science"
    broken: dict[str, Any] = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert _code(service.client("wrong").patch(bank, **broken), 401) == "invalid_key"
    assert _code(service.anonymous.patch(bank, **broken), 401) == "key_required"
    assert _code(reader.patch(bank, **broken), 403) == "missing_scope"
    assert _code(service.admin.patch(bank, content=b"{"), 415) == "unsupported_media_type"
    huge = {"name": "x" * 1_000_001}
    assert _code(service.admin.patch(bank, json=huge), 413) == "too_large"
    assert _code(service.admin.patch(f"{PATH}/none?x=1", **broken), 400) == "malformed_json"
    stale = {"If-Match": '"stale"'}
    assert _code(service.admin.patch(f"{PATH}/none?x=1", json={"x": 1}, headers=stale), 404)
    assert _code(service.admin.patch(f"{bank}?x=1", json={"x": 1}, headers=stale), 412)
    assert _errors(service.admin.patch(f"{bank}?x=1", json={}))["x"][0] == "unknown_parameter"
    assert _code(service.admin.get(f"{PATH}/%00"), 404) == "not_found"


def test_only_an_empty_bank_is_deleted(service: Service) -> None:
    service.make_bank()
    with service.database.write() as session:
        publish(session, [make_publication(), make_publication()])
    response = service.admin.delete(f"{PATH}/science")
    assert _code(response, 409) == "in_use"
    assert response.json()["context"] == {"count": 2}
    service.make_bank(slug="empty")
    assert service.admin.delete(f"{PATH}/empty").status_code == 204
    assert _code(service.admin.get(f"{PATH}/empty"), 404) == "not_found"
    assert _code(service.admin.delete(f"{PATH}/empty"), 404) == "not_found"


def test_a_key_has_no_access_to_a_later_bank_with_the_same_slug(service: Service) -> None:
    for slug in ("kept", "lost"):
        service.make_bank(slug=slug)
    body = {"name": "x", "kind": "secret", "scopes": [], "banks": ["kept", "lost"]}
    key = service.expect(service.admin.post("/v1/editing/keys", json=body), 201)
    assert service.admin.delete(f"{PATH}/lost").status_code == 204
    service.make_bank(slug="lost")
    assert service.admin.get(f"/v1/editing/keys/{key['id']}").json()["banks"] == ["kept"]


def test_pages_of_a_list_follow_each_other(service: Service) -> None:
    slugs = [service.make_bank(slug=f"bank-{number}") for number in range(5)]
    all_banks = service.admin.get(PATH).json()
    assert (len(all_banks["items"]), all_banks["total"], all_banks["next_cursor"]) == (5, 5, None)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = service.admin.get(f"{PATH}?limit=2{cursor and f'&cursor={cursor}'}").json()
        assert page["total"] == 5
        seen += [bank["slug"] for bank in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == slugs
    assert service.admin.get(f"{PATH}?limit=1000").status_code == 200
    for query in ("limit=0", "limit=1001", "limit=1&limit=2", "cursor=x", "cusor=x"):
        assert service.admin.get(f"{PATH}?{query}").status_code == 422
    cursor = service.admin.get(f"{PATH}?limit=1").json()["next_cursor"]
    assert service.admin.get(f"/v1/editing/tags?cursor={cursor}").status_code == 422


def test_an_idempotency_key_creates_one_bank(service: Service) -> None:
    headers = {"Idempotency-Key": "once"}
    first = service.admin.post(PATH, json=BANK, headers=headers)
    again = service.admin.post(PATH, json=BANK, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = service.admin.post(PATH, json=BANK | {"slug": "other"}, headers=headers)
    assert _code(other, 422) == "idempotency_mismatch"
    assert service.admin.delete(f"{PATH}/science").status_code == 204
    assert _code(service.admin.post(PATH, json=BANK, headers=headers), 404) == "not_found"


def test_a_bank_with_questions_cannot_be_deleted(service: Service) -> None:
    service.make_bank()
    service.make_question()
    service.make_question(publish=False)
    response = service.admin.delete(f"{PATH}/science")
    assert _code(response, 409) == "in_use"
    assert response.json()["context"] == {"count": 2}
