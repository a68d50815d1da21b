"""Keys over HTTP: secrets are shown once, and no key exceeds the key that created it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import httpx
import pytest

from app.core.settings import Settings
from tests.support.serving import Service, serving

PATH = "/v1/editing/keys"
SECRET_KEY = {"name": "Editors", "kind": "secret", "scopes": ["questions:write"], "banks": ["*"]}
PAGE_KEY = {
    "name": "A page",
    "kind": "publishable",
    "banks": ["science"],
    "origins": ["https://quiz.example"],
}
MAKER = ("keys:write", "questions:write")


def _make(service: Service, by: httpx.Client, **changes: object) -> dict[str, str]:
    created = service.expect(by.post(PATH, json=SECRET_KEY | changes), 201)
    return cast(dict[str, str], created)


def _problem(client: httpx.Client, **changes: object) -> tuple[int, str]:
    response = client.post(PATH, json=SECRET_KEY | changes)
    problem = response.json()
    location = problem["errors"][0]["pointer"] if problem["errors"] else problem["code"]
    return response.status_code, location


def _time_in(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat(timespec="seconds")


def test_a_secret_is_shown_once_and_never_stored(service: Service) -> None:
    response = service.admin.post(PATH, json=SECRET_KEY | {"expires_at": "2100-01-01T00:00:00Z"})
    created = service.expect(response, 201)
    secret = str(created.pop("secret"))
    assert secret.startswith("qw_sk_")
    assert len(secret) == 49
    assert secret.startswith(str(created["prefix"]))
    assert created["expires_at"] == "2100-01-01T00:00:00Z"
    assert service.admin.get(response.headers["Location"]).json() == created
    assert created in service.admin.get(PATH).json()["items"]
    with service.database.read() as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM api_keys").all()
    assert secret not in str(rows)


def test_a_secret_is_never_replayed(service: Service) -> None:
    headers = {"Idempotency-Key": "once"}
    first = service.admin.post(PATH, json=SECRET_KEY, headers=headers)
    again = service.admin.post(PATH, json=SECRET_KEY, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() | {"secret": None}
    assert first.json()["secret"]
    service.admin.delete(first.headers["Location"])
    gone = service.admin.post(PATH, json=SECRET_KEY, headers=headers)
    assert gone.status_code == 404


def test_a_new_key_cannot_exceed_its_maker(service: Service) -> None:
    expires_at = _time_in(days=1)
    maker = service.make_key(*MAKER, expires_at=expires_at, rate="60/minute")
    child = _make(service, maker, scopes=["questions:read", "answers:read"])
    inherited = datetime.fromisoformat(child["expires_at"])
    assert (inherited, child["rate"]) == (datetime.fromisoformat(expires_at), "60/minute")
    assert _make(service, maker, rate="1/second", expires_at=_time_in(hours=1))
    assert _problem(maker, scopes=["admin"]) == (403, "missing_scope")
    assert _problem(maker, scopes=["questions:publish"]) == (403, "missing_scope")
    assert _problem(maker, rate="61/minute") == (422, "/rate")
    assert _problem(maker, rate="off") == (422, "/rate")
    assert _problem(maker, expires_at=_time_in(days=2)) == (422, "/expires_at")
    assert _problem(service.make_key("questions:write")) == (403, "missing_scope")
    assert _problem(service.anonymous) == (401, "key_required")


def test_an_admin_may_give_any_rate(service: Service) -> None:
    assert _make(service, service.admin, rate="1000000/second")["rate"] == "1000000/second"
    bounded = service.make_key("admin", rate="5000/hour")
    assert _problem(bounded, rate="5001/hour") == (422, "/rate")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"scopes": ["questions:wriet"]}, "/scopes/0"),
        ({"scopes": ["keys:write"], "banks": ["science"]}, "/banks"),
        ({"banks": ["science", "scienec"]}, "/banks/1"),
        ({"banks": ["*", "science"]}, ""),
        ({"banks": []}, "/banks"),
        ({"origins": ["https://quiz.example"]}, ""),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2100-01-01"}, "/expires_at"),
        ({"expires_at": 4102444800}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+12:00"}, "/expires_at"),
        ({"rate": "0/minute"}, "/rate"),
        ({"rate": "often"}, "/rate"),
        ({"kind": "public"}, "/kind"),
        ({"name": ""}, "/name"),
        ({"nam": "x"}, "/nam"),
        (PAGE_KEY | {"scopes": ["questions:read"]}, ""),
        (PAGE_KEY | {"scopes": [], "origins": []}, ""),
        (PAGE_KEY | {"scopes": [], "banks": ["*"]}, ""),
        (PAGE_KEY | {"scopes": [], "origins": ["https://quiz.example/page"]}, "/origins/0"),
        (PAGE_KEY | {"scopes": [], "origins": ["http://quiz.example"]}, "/origins/0"),
    ],
)
def test_an_invalid_key_is_refused(
    service: Service, changes: dict[str, object], pointer: str
) -> None:
    service.make_bank()
    assert _problem(service.admin, **changes) == (422, pointer)


def test_similar_banks_and_scopes_are_suggested(service: Service) -> None:
    service.make_bank()
    response = service.admin.post(PATH, json=SECRET_KEY | {"banks": ["scienec"]})
    assert response.json()["errors"][0]["suggestions"] == ["science"]
    response = service.admin.post(PATH, json=SECRET_KEY | {"scopes": ["questions:wriet"]})
    assert "questions:write" in response.json()["errors"][0]["suggestions"]


def test_a_publishable_key_is_for_its_pages_and_not_for_exam_banks(service: Service) -> None:
    service.make_bank()
    service.make_bank(slug="exams", exposure="exam")
    response = service.admin.post(PATH, json=PAGE_KEY | {"banks": ["exams"]})
    assert (response.status_code, response.json()["code"]) == (409, "exam_bank")
    created = service.expect(service.admin.post(PATH, json=PAGE_KEY), 201)
    page = service.client(str(created["secret"]))
    assert str(created["secret"]).startswith("qw_pk_")
    page.headers["Origin"] = "https://quiz.example"
    assert page.get("/v1/facets").status_code == 200
    assert page.get(PATH).json()["code"] == "missing_scope"
    page.headers["Origin"] = "https://evil.example"
    assert page.get("/v1/facets").json()["code"] == "origin_not_allowed"


def test_a_key_sees_and_revokes_only_itself_and_its_descendants(service: Service) -> None:
    maker = service.make_key(*MAKER)
    other = _make(service, service.admin)
    child = _make(service, maker, scopes=list(MAKER))
    grandchild = _make(service, service.client(child["secret"]), scopes=[])
    listed = maker.get(PATH).json()
    assert listed["total"] == 3
    assert [key["id"] for key in listed["items"]][:2] == [grandchild["id"], child["id"]]
    own = listed["items"][2]["id"]
    assert child["made_by"] == own
    for address in (f"{PATH}/{other['id']}", f"{PATH}/01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"):
        assert maker.get(address).status_code == 404
        assert maker.delete(address).status_code == 404
    assert service.client(child["secret"]).get(f"{PATH}/{own}").status_code == 404
    assert maker.get(f"{PATH}/{grandchild['id']}").status_code == 200
    service.expect(maker.delete(f"{PATH}/{own}"), 204)
    assert maker.get(PATH).json()["code"] == "invalid_key"
    assert service.client(child["secret"]).get(PATH).status_code == 200
    assert service.admin.get(f"{PATH}/{own}").status_code == 404


def test_descendants_of_revoked_keys_are_revoked_too(service: Service) -> None:
    top = _make(service, service.admin, scopes=list(MAKER))
    middle = _make(service, service.client(top["secret"]), scopes=list(MAKER))
    bottom = _make(service, service.client(middle["secret"]), scopes=list(MAKER))
    bystander = _make(service, service.admin, scopes=list(MAKER))
    service.expect(service.admin.delete(f"{PATH}/{middle['id']}"), 204)
    assert service.client(bottom["secret"]).get(PATH).status_code == 200
    response = service.admin.delete(f"{PATH}/{top['id']}?descendants=true")
    service.expect(response, 204)
    for key in (top, middle, bottom):
        assert service.client(key["secret"]).get(PATH).json()["code"] == "invalid_key"
    assert service.client(bystander["secret"]).get(PATH).status_code == 200
    for query in ("descendants=1", "descendant=true"):
        assert service.admin.delete(f"{PATH}/{bystander['id']}?{query}").status_code == 422


def test_if_match_is_optional(service: Service) -> None:
    key = _make(service, service.admin)
    address = f"{PATH}/{key['id']}"
    stale = service.admin.delete(address, headers={"If-Match": '"stale"'})
    assert stale.json()["code"] == "revision_stale"
    fresh = {"If-Match": service.admin.get(address).headers["ETag"]}
    assert service.admin.delete(address, headers=fresh).status_code == 204


def test_an_expired_key_is_refused(service: Service) -> None:
    key = _make(service, service.admin, expires_at=_time_in(hours=1))
    with service.database.write() as session:
        session.connection().exec_driver_sql("UPDATE api_keys SET expires_at = 1")
    service.make_bank(slug="makes-workers-read-keys")
    response = service.client(key["secret"]).get(PATH)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_key")


def test_the_last_use_does_not_change_the_etag(service: Service) -> None:
    key = _make(service, service.admin, scopes=list(MAKER))
    address = f"{PATH}/{key['id']}"
    before = service.admin.get(address)
    assert before.json()["last_used_at"] is None
    service.client(key["secret"]).get(PATH)
    after = service.admin.get(address)
    assert after.json()["last_used_at"] is not None
    assert after.headers["ETag"] == before.headers["ETag"]


def test_keys_are_listed_newest_first(service: Service) -> None:
    created = [_make(service, service.admin)["id"] for _ in range(5)]
    first = service.admin.get(f"{PATH}?limit=3").json()
    second = service.admin.get(f"{PATH}?limit=3&cursor={first['next_cursor']}").json()
    ids = [key["id"] for key in first["items"] + second["items"]]
    assert ids[:5] == created[::-1]
    assert (first["total"], second["next_cursor"]) == (6, None)
    assert service.admin.get(f"{PATH}?limit=101").status_code == 422


def test_the_own_rate_of_a_key_is_enforced(fresh_settings: Callable[..., Settings]) -> None:
    with serving(fresh_settings(rate_key="1000/minute")) as service:
        slow = service.make_key(rate="2/hour")
        responses = [slow.get("/v1/facets") for _ in range(3)]
        assert [response.status_code for response in responses] == [200, 200, 429]
        assert responses[0].headers["RateLimit-Policy"] == '"default";q=2;w=3600'
        assert int(responses[2].headers["Retry-After"]) >= 1
        assert responses[2].json()["code"] == "rate_limited"
        assert service.admin.get("/v1/facets").status_code == 200
