"""kill -9 during imports so long that processes of their own work on them: no row is lost."""

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
from tests.prove.child import Child, make_bank
from tests.prove.kills import HEADERS, send_import

ROWS = 6_000
# Few rows that are long enough: what is counted are rows, not bytes.
EXPLANATION = "So it is. " * (MIN_PROCESS_BYTES // ROWS // 10)
KILLS_EACH = 4
LONGEST_LIFE = 8.0
LONGEST_WRITING = 0.4
PATIENCE = 120.0
ENDED = {"done", "refused"}


@dataclass
class LongReport:
    """How often the service was killed during how many imports, and where these stood then."""

    imports: int = 0
    kills: int = 0
    applying: int = 0
    failures: list[str] = field(default_factory=list)


def interrupt_imports(
    settings: Settings, imports: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> LongReport:
    """Kill and start the service during each import, then let it end, and count its questions."""
    chance = random.Random(seed)
    report = LongReport()
    # As a daemon it could start no process.
    child = Child(settings, daemon=False)
    child.start()
    try:
        with httpx.Client(base_url=child.url, headers=HEADERS) as client:
            make_bank(client)
        for number in range(imports):
            job = _sent(child, f"long-{number}")
            for at in range(KILLS_EACH):
                if at % 2 == 0:
                    # Every other time while rows are written, which takes the least time.
                    _await(child, job, {"applying", *ENDED})
                    time.sleep(chance.uniform(0.0, LONGEST_WRITING))
                else:
                    time.sleep(chance.uniform(0.0, LONGEST_LIFE))
                state = _state(child, job)
                child.kill()
                child.start()
                report.kills += 1
                report.applying += state["state"] == "applying"
            _verify(settings, child, job, f"long-{number}", report)
            report.imports += 1
            say(f"  {report.imports} of {imports} long imports")
    finally:
        child.kill()
    return report


def _sent(child: Child, name: str) -> str:
    rows = b"\n".join(orjson.dumps(_row(f"{name}-{at}")) for at in range(ROWS))
    with httpx.Client(base_url=child.url, headers=HEADERS, timeout=60) as client:
        answer = send_import(client, rows)
    return str(answer.raise_for_status().json()["id"])


def _row(name: str) -> dict[str, object]:
    return {
        "external_id": name,
        "kind": "true_false",
        "stem": f"Statement {name} is true.",
        "difficulty": "easy",
        "answer": {"value": True},
        "explanation": EXPLANATION,
    }


def _state(child: Child, job: str) -> dict[str, object]:
    answer = httpx.get(f"{child.url}/v1/imports/{job}", headers=HEADERS, timeout=60)
    return dict(answer.raise_for_status().json())


def _await(child: Child, job: str, states: set[str]) -> dict[str, object]:
    """Return the job once it is in one of these states, or when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while (state := _state(child, job))["state"] not in states and time.monotonic() < deadline:
        time.sleep(0.02)
    return state


def _verify(settings: Settings, child: Child, job: str, name: str, report: LongReport) -> None:
    state = _await(child, job, ENDED)
    told = {key: state[key] for key in ("state", "done", "created", "error_count")}
    if told != {"state": "done", "done": ROWS, "created": ROWS, "error_count": 0}:
        report.failures.append(f"{name} ended as {told}")
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
