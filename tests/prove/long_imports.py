"""kill -9 during imports that are long enough for a process of their own: no row is lost."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import orjson
from sqlalchemy import text

from app.core.db.database import Database
from app.core.settings import Settings
from app.transfer.jobs.process_policy import MIN_PROCESS_BYTES
from tests.prove.kills import HEADERS, send_import
from tests.prove.service_process import ServiceProcess, make_bank

ROWS = 6_000
# Few rows with long texts reach the size in bytes from which a process is started.
EXPLANATION = "So it is. " * (MIN_PROCESS_BYTES // ROWS // 10)
KILLS_EACH = 4
MAX_LIFE_SECONDS = 8.0
MAX_APPLYING_SECONDS = 0.4
IMPORT_SECONDS = 120.0
ENDED = {"done", "refused"}


@dataclass
class LongReport:
    """Counts of imports and kills; `applying` kills came while rows were written."""

    imports: int = 0
    kills: int = 0
    applying: int = 0
    failures: list[str] = field(default_factory=list)


def interrupt_imports(
    settings: Settings,
    imports: int,
    seed: int,
    report_progress: Callable[[str], None] = lambda _: None,
) -> LongReport:
    """Kill and restart the service during each import, let it end, and count its questions."""
    chance = random.Random(seed)
    report = LongReport()
    # A daemonic process cannot start processes.
    service = ServiceProcess(settings, daemon=False)
    service.start()
    try:
        with httpx.Client(base_url=service.url, headers=HEADERS) as client:
            make_bank(client)
        for number in range(imports):
            job = _send(service, f"long-{number}")
            for at in range(KILLS_EACH):
                if at % 2 == 0:
                    # Every other time while rows are written, which is the shortest phase.
                    _wait_for(service, job, {"applying", *ENDED})
                    time.sleep(chance.uniform(0.0, MAX_APPLYING_SECONDS))
                else:
                    time.sleep(chance.uniform(0.0, MAX_LIFE_SECONDS))
                state = _state(service, job)
                service.kill()
                service.start()
                report.kills += 1
                report.applying += state["state"] == "applying"
            _verify(settings, service, job, f"long-{number}", report)
            report.imports += 1
            report_progress(f"  {report.imports} of {imports} long imports")
    finally:
        service.kill()
    return report


def _send(service: ServiceProcess, name: str) -> str:
    rows = b"\n".join(orjson.dumps(_row(f"{name}-{at}")) for at in range(ROWS))
    with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
        response = send_import(client, rows)
    return str(response.raise_for_status().json()["id"])


def _row(name: str) -> dict[str, object]:
    return {
        "external_id": name,
        "kind": "true_false",
        "stem": f"Statement {name} is true.",
        "difficulty": "easy",
        "answer": {"value": True},
        "explanation": EXPLANATION,
    }


def _state(service: ServiceProcess, job: str) -> dict[str, object]:
    response = httpx.get(f"{service.url}/v1/imports/{job}", headers=HEADERS, timeout=60)
    return dict(response.raise_for_status().json())


def _wait_for(service: ServiceProcess, job: str, states: set[str]) -> dict[str, object]:
    """Return the job once it is in one of these states, or when that takes too long."""
    deadline = time.monotonic() + IMPORT_SECONDS
    while (state := _state(service, job))["state"] not in states and time.monotonic() < deadline:
        time.sleep(0.02)
    return state


def _verify(
    settings: Settings, service: ServiceProcess, job: str, name: str, report: LongReport
) -> None:
    state = _wait_for(service, job, ENDED)
    outcome = {key: state[key] for key in ("state", "done", "created", "error_count")}
    if outcome != {"state": "done", "done": ROWS, "created": ROWS, "error_count": 0}:
        report.failures.append(f"{name} ended as {outcome}")
    database = Database(settings)
    counted = text(
        "SELECT count(*), count(DISTINCT q.external_id) FROM questions q"
        " JOIN published p ON p.id = q.id AND p.revision = q.published_revision"
        " WHERE q.external_id LIKE :name"
    )
    with database.read() as session:
        found = tuple(session.connection().execute(counted, {"name": f"{name}-%"}).one())
    database.close()
    if found != (ROWS, ROWS):
        report.failures.append(f"{name}: {found} questions of {ROWS}")
