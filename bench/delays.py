"""How long until every worker draws what was published, and how writes fare beside an import."""

import random
import threading
import time
from pathlib import Path

import httpx

from bench.banks import write_bank
from bench.load import PORT, URL, serving
from bench.prepared import KEY, Prepared

HEADERS = {"Authorization": f"Bearer {KEY}"}
READY = "/readyz"
LOOK_SECONDS = 0.05
PUBLICATIONS = 200
IMPORTED = 60_000


def _question(name: str) -> dict[str, object]:
    return {
        "bank": "bench",
        "external_id": name,
        "kind": "true_false",
        "stem": f"Statement {name}.",
        "difficulty": "easy",
        "answer": {"value": True},
    }


def publish_to_drawn(bank: Prepared) -> list[float]:
    """Return, in ms, how long after its answer each publication could be read of both workers.

    Each has a port of its own: connections to one that is shared may all reach the same worker.
    """
    delays = []
    chance = random.Random(7)
    with (
        serving("app.main:create_app", READY, bank.environment) as one,
        serving("app.main:create_app", READY, bank.environment, PORT + 1) as other,
        httpx.Client(base_url=one.url, headers=HEADERS) as editor,
        httpx.Client(base_url=other.url, headers=HEADERS) as reader,
    ):
        for number in range(PUBLICATIONS):
            # Otherwise each publication would follow at once on the other worker's look.
            time.sleep(chance.random() * LOOK_SECONDS)
            name = f"delay-{number}"
            made = editor.post("/v1/editing/questions?publish=true", json=_question(name))
            began = time.perf_counter()
            path = f"/v1/questions/{made.raise_for_status().json()['id']}"
            for client in (editor, reader):
                while client.get(path).status_code != 200:
                    pass
            delays.append((time.perf_counter() - began) * 1000)
    return sorted(delays)


def beside_an_import(bank: Prepared, folder: Path) -> tuple[float, list[float]]:
    """Return the rate of an import, in questions a second, and the ms of writes beside it."""
    path = folder / "more.jsonl"
    write_bank(path, IMPORTED)
    spent: list[float] = []
    ended = threading.Event()

    def write() -> None:
        with httpx.Client(base_url=URL, headers=HEADERS, timeout=30) as editor:
            number = 0
            while not ended.is_set():
                number += 1
                began = time.perf_counter()
                answer = editor.post("/v1/editing/questions", json=_question(f"beside-{number}"))
                answer.raise_for_status()
                spent.append((time.perf_counter() - began) * 1000)
                time.sleep(0.01)

    with (
        serving("app.main:create_app", READY, bank.environment),
        httpx.Client(base_url=URL, headers=HEADERS, timeout=120) as client,
    ):
        writer = threading.Thread(target=write)
        writer.start()
        began = time.monotonic()
        with path.open("rb") as file:
            sent = client.post(
                "/v1/imports?bank=bench&state=published&wait=0", files={"file": ("m.jsonl", file)}
            )
        job = sent.raise_for_status().json()
        while job["state"] not in {"done", "refused"}:
            time.sleep(0.1)
            job = client.get(f"/v1/imports/{job['id']}").json()
        rate = IMPORTED / (time.monotonic() - began)
        ended.set()
        writer.join()
    if job["state"] != "done":
        message = f"the import ended as {job['state']}"
        raise RuntimeError(message)
    return rate, sorted(spent)
