"""Measures the delay from a publication until all workers serve it, and writes beside an import."""

import random
import threading
import time
from pathlib import Path

import httpx

from bench.banks import write_bank
from bench.load import PORT, URL, serving
from bench.prepared import KEY, PreparedBank

HEADERS = {"Authorization": f"Bearer {KEY}"}
READY_PATH = "/readyz"
# How often a worker polls the clock.
POLL_SECONDS = 0.05
PUBLICATIONS = 200
IMPORTED_QUESTIONS = 60_000


def _question(name: str) -> dict[str, object]:
    return {
        "bank": "bench",
        "external_id": name,
        "kind": "true_false",
        "stem": f"Statement {name}.",
        "difficulty": "easy",
        "answer": {"value": True},
    }


def publish_to_drawn_delays(bank: PreparedBank) -> list[float]:
    """Return for each publication the ms from its response until both workers serve it, ascending.

    Each worker has its own port: connections to a shared port could all reach the same worker.
    """
    delays = []
    chance = random.Random(7)
    with (
        serving("app.main:create_app", READY_PATH, bank.environment) as first,
        serving("app.main:create_app", READY_PATH, bank.environment, PORT + 1) as second,
        httpx.Client(base_url=first.url, headers=HEADERS) as editor,
        httpx.Client(base_url=second.url, headers=HEADERS) as reader,
    ):
        for number in range(PUBLICATIONS):
            # Without a random pause each publication would follow a poll of the second worker.
            time.sleep(chance.random() * POLL_SECONDS)
            name = f"delay-{number}"
            created = editor.post("/v1/editing/questions?publish=true", json=_question(name))
            started_at = time.perf_counter()
            path = f"/v1/questions/{created.raise_for_status().json()['id']}"
            for client in (editor, reader):
                while client.get(path).status_code != 200:
                    pass
            delays.append((time.perf_counter() - started_at) * 1000)
    return sorted(delays)


def import_beside_writes(bank: PreparedBank, folder: Path) -> tuple[float, list[float]]:
    """Return an import's questions per second, and the ms of each write beside it, ascending."""
    path = folder / "more.jsonl"
    write_bank(path, IMPORTED_QUESTIONS)
    write_ms: list[float] = []
    import_done = threading.Event()

    def write() -> None:
        with httpx.Client(base_url=URL, headers=HEADERS, timeout=30) as editor:
            number = 0
            while not import_done.is_set():
                number += 1
                started_at = time.perf_counter()
                response = editor.post("/v1/editing/questions", json=_question(f"beside-{number}"))
                response.raise_for_status()
                write_ms.append((time.perf_counter() - started_at) * 1000)
                time.sleep(0.01)

    with (
        serving("app.main:create_app", READY_PATH, bank.environment),
        httpx.Client(base_url=URL, headers=HEADERS, timeout=120) as client,
    ):
        writer = threading.Thread(target=write)
        writer.start()
        started_at = time.monotonic()
        with path.open("rb") as file:
            response = client.post(
                "/v1/imports?bank=bench&state=published&wait=0", files={"file": ("m.jsonl", file)}
            )
        job = response.raise_for_status().json()
        while job["state"] not in {"done", "refused"}:
            time.sleep(0.1)
            job = client.get(f"/v1/imports/{job['id']}").json()
        rate = IMPORTED_QUESTIONS / (time.monotonic() - started_at)
        import_done.set()
        writer.join()
    if job["state"] != "done":
        message = f"the import ended as {job['state']}"
        raise RuntimeError(message)
    return rate, sorted(write_ms)
