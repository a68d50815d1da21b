"""kill -9 at any moment: after the next start, every acknowledged write is complete."""

import contextlib
import functools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from sqlalchemy import text

from app.core.db.database import Database
from app.core.settings import Settings
from tests.prove.service_process import ServiceProcess, make_bank
from tests.support.databases import ADMIN_KEY

HEADERS = {"Authorization": f"Bearer {ADMIN_KEY}"}
IMPORT_ROWS = 300
PROGRESS_KILLS = 50
MAX_LIFE_SECONDS = 0.3
FIRST_WRITE_SECONDS = 10.0
IMPORT_SECONDS = 60.0

# Each query must return nothing: no complete transaction leaves such rows.
INCONSISTENCIES = {
    "a published question without its public row": """
        SELECT q.id FROM questions q LEFT JOIN published p ON p.id = q.id
        WHERE q.state = 'published' AND (p.id IS NULL OR p.revision IS NULL
          OR p.revision <> q.published_revision)""",
    "a public row of a question that is not published": """
        SELECT q.id FROM questions q JOIN published p ON p.id = q.id
        WHERE q.state <> 'published' AND p.revision IS NOT NULL""",
    "a public row without its document or answers": """
        SELECT p.id FROM published p
        LEFT JOIN documents d ON d.number = p.number AND d.revision = p.revision
        LEFT JOIN answers a ON a.number = p.number AND a.revision = p.revision
        WHERE p.revision IS NOT NULL AND (d.number IS NULL OR a.number IS NULL)""",
    "a question without its newest revision": """
        SELECT q.id FROM questions q
        LEFT JOIN revisions r ON r.question_id = q.id AND r.number = q.revision
        WHERE r.number IS NULL""",
    "a row with a number that the clock has not given out": """
        SELECT p.id FROM published p, clock c WHERE p.seq > c.seq OR p.number >= c.next_number""",
}


@dataclass
class Report:
    """Counts of a campaign: kills, acknowledged writes and imports, and what was wrong."""

    kills: int = 0
    writes: int = 0
    imports: int = 0
    interrupted_imports: int = 0
    failures: list[str] = field(default_factory=list)


class Campaign:
    """Writes and imports against a service that is killed again and again."""

    def __init__(
        self, settings: Settings, seed: int, report_progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self._chance = random.Random(seed)
        self._service = ServiceProcess(settings)
        self._database = Database(settings)
        self._written: dict[str, str] = {}
        self._jobs: list[str] = []
        self._count = 0
        self._lock = threading.Lock()
        self._wrote = threading.Event()
        self._imported = threading.Event()
        self._report_progress = report_progress
        self.report = Report()

    def run(self, rounds: int) -> Report:
        self._service.start()
        with httpx.Client(base_url=self._service.url, headers=HEADERS) as client:
            make_bank(client)
        for number in range(rounds):
            stopping = threading.Event()
            self._wrote.clear()
            self._imported.clear()
            imports = number % 3 == 0
            second = self._import if imports else functools.partial(self._write, stopping)
            threads = [
                threading.Thread(target=self._write, args=(stopping,)),
                threading.Thread(target=second),
            ]
            for thread in threads:
                thread.start()
            if number % 2 == 0:
                # Every other time wait for an acknowledged write, so that more work is in progress.
                (self._imported if imports else self._wrote).wait(FIRST_WRITE_SECONDS)
            time.sleep(self._chance.uniform(0.0, MAX_LIFE_SECONDS))
            stopping.set()
            self._service.kill()
            self.report.kills += 1
            for thread in threads:
                thread.join()
            self._service.start()
            self._verify()
            if self.report.kills % PROGRESS_KILLS == 0:
                self._report_progress(f"  {self.report.kills} of {rounds} kills")
        self._service.kill()
        self._database.close()
        return self.report

    def _next(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def _write(self, stopping: threading.Event) -> None:
        """Create and publish until the service is killed; remember the acknowledged questions."""
        with httpx.Client(base_url=self._service.url, headers=HEADERS) as client:
            while not stopping.is_set():
                name = f"w-{self._next()}"
                with contextlib.suppress(httpx.HTTPError):
                    response = client.post(
                        "/v1/editing/questions?publish=true", json=_question(name, bank="science")
                    )
                    if response.status_code == 201:
                        self._written[name] = response.json()["id"]
                        self.report.writes += 1
                        self._wrote.set()
                    else:
                        self.report.failures.append(
                            f"{name}: {response.status_code} {response.text}"
                        )

    def _import(self) -> None:
        name = f"i-{self._next()}"
        rows = b"\n".join(orjson.dumps(_question(f"{name}-{at}")) for at in range(IMPORT_ROWS))
        with (
            contextlib.suppress(httpx.HTTPError),
            httpx.Client(base_url=self._service.url, headers=HEADERS) as client,
        ):
            response = send_import(client, rows)
            if response.status_code in {200, 202}:
                self._jobs.append(response.json()["id"])
                self.report.imports += 1
                self._imported.set()

    def _verify(self) -> None:
        with httpx.Client(base_url=self._service.url, headers=HEADERS) as client:
            for job in self._jobs:
                self._finish(client, job)
        self._jobs.clear()
        with self._database.read() as session:
            connection = session.connection()
            for problem, query in INCONSISTENCIES.items():
                if found := connection.execute(text(query)).first():
                    self.report.failures.append(f"{problem}: {found}")
            published = text("SELECT external_id FROM questions WHERE state = 'published'")
            names = [name for (name,) in connection.execute(published)]
        lost = self._written.keys() - set(names)
        if lost:
            self.report.failures.append(f"acknowledged and lost: {sorted(lost)[:5]}")
        if len(names) != len(set(names)):
            self.report.failures.append("a question was made twice")

    def _finish(self, client: httpx.Client, job: str) -> None:
        deadline = time.monotonic() + IMPORT_SECONDS
        state: dict[str, Any] = {}
        resumed = False
        while time.monotonic() < deadline:
            state = client.get(f"/v1/imports/{job}").raise_for_status().json()
            if state["state"] in {"done", "refused"}:
                break
            resumed = True
            time.sleep(0.02)
        self.report.interrupted_imports += resumed
        if state["state"] != "done" or state["done"] != IMPORT_ROWS:
            self.report.failures.append(f"import {job} ended as {state}")


def send_import(client: httpx.Client, rows: bytes) -> httpx.Response:
    """Send questions to be published; do not wait for the import to end."""
    return client.post(
        "/v1/imports?bank=science&state=published&file_format=jsonl&wait=0",
        files={"file": ("rows.jsonl", rows)},
    )


def _question(name: str, **more: object) -> dict[str, object]:
    return {
        "external_id": name,
        "kind": "true_false",
        "stem": f"Statement {name} is true.",
        "difficulty": "easy",
        "answer": {"value": True},
    } | more
