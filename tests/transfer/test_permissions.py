"""The scopes that an import needs, when it is sent and when it is applied, and who sees a job."""

from uuid import UUID

import httpx
import pytest

from app.core.secrets import load_secrets
from app.transfer import repository
from app.transfer.jobs.runner import ImportRunner
from app.transfer.service import import_path
from tests.support.serving import Service
from tests.transfer.rows import json_lines, question_row
from tests.transfer.sending import send

ALL = ("imports:write", "questions:write", "questions:publish")


@pytest.fixture
def bank(service: Service) -> Service:
    service.make_bank()
    return service


def status_and_code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_each_scope_is_required(bank: Service) -> None:
    data = json_lines(question_row("q1"))
    assert status_and_code(send(bank.anonymous, data)) == (401, "key_required")
    for missing in ALL:
        key = bank.make_key(*(scope for scope in ALL if scope != missing), banks=("science",))
        assert status_and_code(send(key, data)) == (403, "missing_scope"), missing
    complete = bank.make_key(*ALL, banks=("science",))
    assert status_and_code(send(complete, data, create_terms=True)) == (403, "missing_scope")
    assert send(complete, data).json()["created"] == 1


def test_an_import_of_drafts_does_not_need_the_scope_to_publish(bank: Service) -> None:
    key = bank.make_key("imports:write", "questions:write", banks=("science",))
    assert send(key, json_lines(question_row("q1")), state="draft").json()["created"] == 1


def test_a_bank_that_the_key_may_not_see_is_not_found(bank: Service) -> None:
    bank.make_bank(slug="history", name="History")
    key = bank.make_key(*ALL, banks=("science",))
    unseen = send(key, b"", bank="history")
    absent = send(key, b"", bank="nowhere")
    assert status_and_code(unseen) == status_and_code(absent) == (404, "not_found")


def test_a_job_is_seen_by_the_key_that_sent_it_and_by_admin(bank: Service) -> None:
    key = bank.make_key(*ALL, banks=("science",))
    other = bank.make_key(*ALL, banks=("science",))
    path = send(key, json_lines(question_row("q1"))).headers["Location"]
    assert key.get(path).status_code == 200
    assert bank.admin.get(path).status_code == 200
    assert status_and_code(other.get(path)) == (404, "not_found")
    assert status_and_code(bank.anonymous.get(path)) == (401, "key_required")


def test_an_import_of_a_key_that_was_revoked_is_refused(bank: Service) -> None:
    body = {"name": "gone soon", "kind": "secret", "scopes": list(ALL), "banks": ["science"]}
    made = bank.expect(bank.admin.post("/v1/editing/keys", json=body), 201)
    key = bank.client(str(made["secret"]))
    job = send(key, json_lines(question_row("q1")), dry_run=True).json()
    bank.expect(bank.admin.delete(f"/v1/editing/keys/{made['id']}"), 204)
    # Run the job again, as if it had waited while the key was revoked.
    job_id = _run_again(bank, job["id"])
    with bank.database.read() as session:
        ended = repository.find(session, job_id)
    assert ended is not None
    assert (ended.state, ended.rows[0]["code"]) == ("refused", "missing_scope")
    assert bank.admin.get("/v1/editing/questions").json()["total"] == 0


def _run_again(bank: Service, job_id: str):
    import_id = UUID(job_id)
    import_path(bank.settings, import_id).write_bytes(json_lines(question_row("q1")))
    with bank.database.write() as session:
        repository.update_if_unchanged(
            session, import_id, {"state": "done"}, {"state": "queued", "dry_run": False}
        )
    runner = ImportRunner(bank.database, bank.settings, load_secrets(bank.settings))
    while True:
        runner.step()
        with bank.database.read() as session:
            job = repository.find(session, import_id)
        if job is not None and job.state in {"done", "refused"}:
            return import_id
