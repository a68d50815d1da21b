"""Editing requests see the latest banks and keys on every worker."""

from collections.abc import Iterator

import pytest

from app.core.settings import Settings
from tests.questions.examples import BODIES
from tests.support.databases import ADMIN_KEY
from tests.support.serving import BANK, Service, serving

QUESTIONS = "/v1/editing/questions"
ROUNDS = 5


@pytest.fixture
def other(service: Service, settings: Settings) -> Iterator[Service]:
    with serving(settings) as worker:
        yield worker


@pytest.fixture(params=["the same worker", "another worker"])
def next_worker(request: pytest.FixtureRequest, service: Service, other: Service) -> Service:
    return service if request.param == "the same worker" else other


def _headers(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _key(service: Service, number: int) -> dict[str, str]:
    body = {"name": f"k{number}", "kind": "secret", "scopes": ["questions:write"], "banks": ["*"]}
    created = service.admin.post("/v1/editing/keys", json=body)
    assert created.status_code == 201
    return dict(created.json())


def test_a_new_bank_can_be_used_on_every_worker(service: Service, next_worker: Service) -> None:
    for number in range(ROUNDS):
        slug = f"bank-{number}"
        created = service.admin.post("/v1/editing/banks", json=BANK | {"slug": slug})
        assert created.status_code == 201
        body = BODIES["true_false"] | {"bank": slug}
        response = next_worker.admin.post(QUESTIONS, json=body)
        assert response.status_code == 201, response.text
        found = next_worker.admin.get(response.headers["Location"])
        assert found.status_code == 200


def test_a_new_key_is_valid_on_every_worker(service: Service, next_worker: Service) -> None:
    body = BODIES["true_false"] | {"bank": service.make_bank()}
    for number in range(ROUNDS):
        headers = _headers(_key(service, 2 * number)["secret"])
        assert next_worker.anonymous.get("/v1/questions", headers=headers).status_code == 200
        headers = _headers(_key(service, 2 * number + 1)["secret"])
        response = next_worker.anonymous.post(QUESTIONS, json=body, headers=headers)
        assert response.status_code == 201, response.text


def test_a_revoked_key_cannot_edit_on_any_worker(service: Service, next_worker: Service) -> None:
    body = BODIES["true_false"] | {"bank": service.make_bank()}
    for number in range(ROUNDS):
        created = _key(service, number)
        headers = _headers(created["secret"])
        response = next_worker.anonymous.post(QUESTIONS, json=body, headers=headers)
        assert response.status_code == 201, response.text
        assert service.admin.delete(f"/v1/editing/keys/{created['id']}").status_code == 204
        response = next_worker.anonymous.post(QUESTIONS, json=body, headers=headers)
        assert (response.status_code, response.json().get("code")) == (401, "invalid_key")


def test_an_unknown_key_is_refused(next_worker: Service) -> None:
    for secret in (f"{ADMIN_KEY}x", "qw_sk_nothing"):
        response = next_worker.anonymous.get("/v1/questions", headers=_headers(secret))
        assert (response.status_code, response.json()["code"]) == (401, "invalid_key")
