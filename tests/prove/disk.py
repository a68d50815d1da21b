"""A full disk: writes are refused clearly, reads go on, and with more room so do writes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from sqlalchemy import text

from app.core.db.database import Database
from app.core.settings import Settings
from tests.prove.child import Child, make_bank
from tests.support.databases import ADMIN_KEY

SMALL_MB = 4
HEADERS = {"Authorization": f"Bearer {ADMIN_KEY}"}
REFUSALS = {507: "storage_full", 503: "overloaded"}
MOST_WRITES = 2_000
EXPLANATION = "Because it is so. " * 1_000


@dataclass
class DiskReport:
    """What was written before the disk was full, and what was answered from then on."""

    writes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    writes_with_more_room: int = 0
    failures: list[str] = field(default_factory=list)


def fill_disk(make: Callable[..., Settings], attempts: int) -> DiskReport:
    """Write until there is no room, then go on writing and reading `attempts` times."""
    small = make(database_max_mb=SMALL_MB)
    child = Child(small)
    child.start()
    report = DiskReport()
    with httpx.Client(base_url=child.url, headers=HEADERS, timeout=30) as client:
        make_bank(client)
        acknowledged = _fill(client, report)
        for number in range(attempts):
            _note(report, _write(client, f"late-{number}"), acknowledged)
            _note(report, _import(client, number), acknowledged)
            _read(client, report)
    child.kill()
    _compare(small, acknowledged, report)
    roomy = small.model_copy(update={"database_max_mb": 0})
    again = Child(roomy)
    again.start()
    with httpx.Client(base_url=again.url, headers=HEADERS, timeout=30) as client:
        for number in range(attempts):
            report.writes_with_more_room += _write(client, f"more-{number}").status_code == 201
    again.kill()
    if report.writes_with_more_room != attempts:
        report.failures.append("writes are refused although there is room again")
    return report


def _fill(client: httpx.Client, report: DiskReport) -> set[str]:
    acknowledged: set[str] = set()
    for number in range(MOST_WRITES):
        name = f"q-{number}"
        answer = _write(client, name)
        if answer.status_code != 201:
            _note(report, answer, acknowledged)
            return acknowledged
        acknowledged.add(name)
        report.writes += 1
    report.failures.append("the disk never became full")
    return acknowledged


def _write(client: httpx.Client, name: str) -> httpx.Response:
    return client.post(
        "/v1/editing/questions?publish=true",
        json={
            "bank": "science",
            "external_id": name,
            "kind": "true_false",
            "stem": f"Statement {name} is true.",
            "explanation": EXPLANATION,
            "difficulty": "easy",
            "answer": {"value": True},
        },
    )


def _import(client: httpx.Client, number: int) -> httpx.Response:
    row = (
        f'{{"external_id":"import-{number}","kind":"true_false","stem":"So?","difficulty":"easy",'
        '"answer":{"value":true}}\n'
    )
    return client.post(
        "/v1/imports?bank=science&dry_run=true&wait=5", files={"file": ("rows.jsonl", row)}
    )


def _note(report: DiskReport, answer: httpx.Response, acknowledged: set[str]) -> None:
    """Count a refusal, or an answer that found room in some page; anything else is a failure."""
    if answer.status_code in {200, 201, 202}:
        report.refused["still fitted in"] += 1
        if "external_id" in answer.json():
            acknowledged.add(answer.json()["external_id"])
    elif REFUSALS.get(answer.status_code) == answer.json().get("code"):
        report.refused[answer.json()["code"]] += 1
    else:
        report.failures.append(f"a write was answered {answer.status_code} {answer.text}")


def _read(client: httpx.Client, report: DiskReport) -> None:
    for path in ("/v1/questions/random?count=3", "/v1/questions?limit=5", "/v1/facets"):
        answer = client.get(path)
        if answer.status_code == 200:
            report.reads += 1
        else:
            report.failures.append(f"{path} was answered {answer.status_code} {answer.text}")


def _compare(settings: Settings, acknowledged: set[str], report: DiskReport) -> None:
    database = Database(settings)
    with database.read() as session:
        rows = session.connection().execute(text("SELECT external_id FROM questions"))
        found = {name for (name,) in rows}
        sound = session.connection().execute(text("PRAGMA integrity_check")).scalar_one()
    database.close()
    if found != acknowledged:
        report.failures.append(f"acknowledged {len(acknowledged)}, found {len(found)}")
    if sound != "ok":
        report.failures.append(f"integrity check: {sound}")
