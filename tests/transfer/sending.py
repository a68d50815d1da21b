"""Sends files to a running service and waits for the end of the import."""

import time
from typing import Any

import httpx

from tests.support.serving import Service


def send(
    client: httpx.Client, data: bytes, name: str = "rows.jsonl", **parameters: object
) -> httpx.Response:
    values = {"bank": "science", "state": "published", "wait": 60} | parameters
    query = {key: str(value).lower() for key, value in values.items() if value is not None}
    return client.post("/v1/imports", params=query, files={"file": (name, data)}, timeout=90)


def import_as_admin(service: Service, data: bytes, **parameters: Any) -> dict[str, Any]:
    """Import as admin; return the job when it has ended and its questions are served."""
    response = send(service.admin, data, **parameters)
    assert response.status_code == 200, response.text
    job: dict[str, Any] = response.json()
    assert job["state"] in {"done", "refused"}
    if job["edition"]:
        facets = service.anonymous.get(
            "/v1/facets", headers={"Quizwell-Min-Edition": job["edition"]}
        )
        assert facets.status_code == 200, facets.text
    return job


def wait_for_end(client: httpx.Client, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(f"/v1/imports/{job_id}").raise_for_status().json()
        if job["state"] in {"done", "refused"}:
            return job
        time.sleep(0.01)
    raise AssertionError(f"the job did not end: {job}")


def by_external_id(service: Service, name: str) -> dict[str, Any]:
    """Return the editing view of a question."""
    response = service.admin.get(f"/v1/editing/questions?external_id={name}")
    (view,) = response.raise_for_status().json()["items"]
    return dict(view)


def question_count(service: Service) -> int:
    response = service.admin.get("/v1/editing/questions?limit=1")
    return int(response.raise_for_status().json()["total"])
