"""How long until every worker draws what was published, and how writes fare beside an import."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.banks import write_bank
from bench.load import PORT, ROOT, URL
from bench.prepared import KEY, Prepared

HEADERS = {"Authorization": f"Bearer {KEY}"}
CONNECTIONS = 12
PUBLICATIONS = 60
IMPORTED = 60_000


@contextmanager
def workers(bank: Prepared, count: int) -> Iterator[None]:
    """Serve a bank with several workers until the block ends."""
    environment = {**os.environ, **bank.environment, "QUIZWELL_PORT": str(PORT)}
    environment["QUIZWELL_WORKERS"] = str(count)
    command = [str(Path(sys.executable).parent / "quizwell"), "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        while not _ready():
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _ready() -> bool:
    try:
        return all(httpx.get(f"{URL}/readyz", timeout=5).status_code == 200 for _ in range(6))
    except httpx.HTTPError:
        return False


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
    """Return, in ms, how long after its answer each publication was drawn on every connection.

    Connections stay with one worker, so that a dozen of them reach both.
    """
    delays = []
    with workers(bank, 2):
        readers = [httpx.Client(base_url=URL, headers=HEADERS) for _ in range(CONNECTIONS)]
        for reader in readers:
            reader.get("/v1/facets")
        with httpx.Client(base_url=URL, headers=HEADERS) as editor:
            for number in range(PUBLICATIONS):
                name = f"delay-{number}"
                made = editor.post("/v1/editing/questions?publish=true", json=_question(name))
                began = time.perf_counter()
                path = f"/v1/questions/{made.raise_for_status().json()['id']}"
                for reader in readers:
                    while reader.get(path).status_code != 200:
                        pass
                delays.append((time.perf_counter() - began) * 1000)
        for reader in readers:
            reader.close()
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

    with workers(bank, 1), httpx.Client(base_url=URL, headers=HEADERS, timeout=120) as client:
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
