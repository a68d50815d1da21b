"""What a key needs to import, at the start and when applying starts, and who sees a job."""

import httpx
import pytest

from app.core.secrets import load_secrets
from app.transfer import repository
from app.transfer.jobs.runner import Runner
from tests.support.serving import Service
from tests.transfer.rows import lines, question
from tests.transfer.sending import send

ALL = ("imports:write", "questions:write", "questions:publish")


@pytest.fixture
def bank(service: Service) -> Service:
    service.make_bank()
    return service


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_each_scope_is_demanded(bank: Service) -> None:
    data = lines(question("q1"))
    assert refusal(send(bank.anonymous, data)) == (401, "key_required")
    for missing in ALL:
        key = bank.make_key(*(scope for scope in ALL if scope != missing), banks=("science",))
        assert refusal(send(key, data)) == (403, "missing_scope"), missing
    whole = bank.make_key(*ALL, banks=("science",))
    assert refusal(send(whole, data, create_terms=True)) == (403, "missing_scope")
    assert send(whole, data).json()["created"] == 1


def test_a_draft_import_needs_no_right_to_publish(bank: Service) -> None:
    key = bank.make_key("imports:write", "questions:write", banks=("science",))
    assert send(key, lines(question("q1")), state="draft").json()["created"] == 1


def test_a_bank_that_the_key_does_not_see_is_not_there(bank: Service) -> None:
    bank.make_bank(slug="history", name="History")
    key = bank.make_key(*ALL, banks=("science",))
    unseen = send(key, b"", bank="history")
    absent = send(key, b"", bank="nowhere")
    assert refusal(unseen) == refusal(absent) == (404, "not_found")


def test_a_job_is_seen_by_the_key_that_sent_it_and_by_admin(bank: Service) -> None:
    key = bank.make_key(*ALL, banks=("science",))
    other = bank.make_key(*ALL, banks=("science",))
    path = send(key, lines(question("q1"))).headers["Location"]
    assert key.get(path).status_code == 200
    assert bank.admin.get(path).status_code == 200
    assert refusal(other.get(path)) == (404, "not_found")
    assert refusal(bank.anonymous.get(path)) == (401, "key_required")


def test_a_key_that_was_revoked_meanwhile_applies_nothing(bank: Service) -> None:
    body = {"name": "gone soon", "kind": "secret", "scopes": list(ALL), "banks": ["science"]}
    made = bank.expect(bank.admin.post("/v1/editing/keys", json=body), 201)
    key = bank.client(str(made["secret"]))
    job = send(key, lines(question("q1")), dry_run=True).json()
    bank.expect(bank.admin.delete(f"/v1/editing/keys/{made['id']}"), 204)
    # The job again, as if it had waited while the key was revoked.
    job_id = _queue_again(bank, job["id"])
    with bank.database.read() as session:
        ended = repository.find(session, job_id)
    assert ended is not None
    assert (ended.state, ended.rows[0]["code"]) == ("refused", "missing_scope")
    assert bank.admin.get("/v1/editing/questions").json()["total"] == 0


def _queue_again(bank: Service, job_id: str):
    from uuid import UUID  # noqa: PLC0415

    from app.transfer.service import import_path  # noqa: PLC0415

    wanted = UUID(job_id)
    import_path(bank.settings, wanted).write_bytes(lines(question("q1")))
    with bank.database.write() as session:
        repository.advance(
            session, wanted, {"state": "done"}, {"state": "queued", "dry_run": False}
        )
    runner = Runner(bank.database, bank.settings, load_secrets(bank.settings))
    while True:
        runner.step()
        with bank.database.read() as session:
            job = repository.find(session, wanted)
        if job is not None and job.state in {"done", "refused"}:
            return wanted
