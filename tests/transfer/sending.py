"""Sends files to a running service and waits for what becomes of them."""

import time
from typing import Any

import httpx

from tests.support.serving import Service


def send(
    client: httpx.Client, data: bytes, name: str = "rows.jsonl", **parameters: object
) -> httpx.Response:
    wanted = {"bank": "science", "state": "published", "wait": 60} | parameters
    query = {key: str(value).lower() for key, value in wanted.items() if value is not None}
    return client.post("/v1/imports", params=query, files={"file": (name, data)}, timeout=90)


def ended(service: Service, data: bytes, **parameters: Any) -> dict[str, Any]:
    """Import as admin and return the job once it ended and the worker serves what it wrote."""
    answer = send(service.admin, data, **parameters)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    assert job["state"] in {"done", "refused"}
    if job["edition"]:
        seen = service.anonymous.get("/v1/facets", headers={"Quizwell-Min-Edition": job["edition"]})
        assert seen.status_code == 200, seen.text
    return job


def until_ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(f"/v1/imports/{job_id}").raise_for_status().json()
        if job["state"] in {"done", "refused"}:
            return job
        time.sleep(0.01)
    raise AssertionError(f"the job did not end: {job}")


def by_external_id(service: Service, name: str) -> dict[str, Any]:
    """Return the editing view of a question."""
    answer = service.admin.get(f"/v1/editing/questions?external_id={name}")
    (view,) = answer.raise_for_status().json()["items"]
    return dict(view)


def count(service: Service) -> int:
    answer = service.admin.get("/v1/editing/questions?limit=1")
    return int(answer.raise_for_status().json()["total"])
