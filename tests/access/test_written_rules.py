"""What was just written of banks and keys is known to whoever edits next, on every worker."""

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
def next_asked(request: pytest.FixtureRequest, service: Service, other: Service) -> Service:
    return service if request.param == "the same worker" else other


def _with(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _key(service: Service, number: int) -> dict[str, str]:
    body = {"name": f"k{number}", "kind": "secret", "scopes": ["questions:write"], "banks": ["*"]}
    made = service.admin.post("/v1/editing/keys", json=body)
    assert made.status_code == 201
    return dict(made.json())


def test_a_bank_takes_questions_at_once(service: Service, next_asked: Service) -> None:
    for number in range(ROUNDS):
        slug = f"bank-{number}"
        made = service.admin.post("/v1/editing/banks", json=BANK | {"slug": slug})
        assert made.status_code == 201
        body = BODIES["true_false"] | {"bank": slug}
        answer = next_asked.admin.post(QUESTIONS, json=body)
        assert answer.status_code == 201, answer.text
        found = next_asked.admin.get(answer.headers["Location"])
        assert found.status_code == 200


def test_a_key_is_good_at_once(service: Service, next_asked: Service) -> None:
    body = BODIES["true_false"] | {"bank": service.make_bank()}
    for number in range(ROUNDS):
        headers = _with(_key(service, 2 * number)["secret"])
        assert next_asked.anonymous.get("/v1/questions", headers=headers).status_code == 200
        headers = _with(_key(service, 2 * number + 1)["secret"])
        answer = next_asked.anonymous.post(QUESTIONS, json=body, headers=headers)
        assert answer.status_code == 201, answer.text


def test_a_revoked_key_edits_nothing_from_then_on(service: Service, next_asked: Service) -> None:
    body = BODIES["true_false"] | {"bank": service.make_bank()}
    for number in range(ROUNDS):
        made = _key(service, number)
        headers = _with(made["secret"])
        answer = next_asked.anonymous.post(QUESTIONS, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        assert service.admin.delete(f"/v1/editing/keys/{made['id']}").status_code == 204
        answer = next_asked.anonymous.post(QUESTIONS, json=body, headers=headers)
        assert (answer.status_code, answer.json().get("code")) == (401, "invalid_key")


def test_a_key_that_never_was_is_refused(next_asked: Service) -> None:
    for secret in (f"{ADMIN_KEY}x", "qw_sk_nothing"):
        answer = next_asked.anonymous.get("/v1/questions", headers=_with(secret))
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")
