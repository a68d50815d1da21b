"""A full disk: writes get a clear error, reads go on, and with more space writes go on, too."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from sqlalchemy import text

from app.core.db.database import Database
from app.core.settings import Settings
from tests.prove.service_process import ServiceProcess, make_bank
from tests.support.databases import ADMIN_KEY

SMALL_MB = 4
HEADERS = {"Authorization": f"Bearer {ADMIN_KEY}"}
REFUSALS = {507: "storage_full", 503: "overloaded"}
MAX_WRITES = 2_000
EXPLANATION = "Because it is so. " * 1_000


@dataclass
class DiskReport:
    """Counts of writes before the disk was full, and of responses from then on."""

    writes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    writes_with_more_space: int = 0
    failures: list[str] = field(default_factory=list)


def fill_disk(make: Callable[..., Settings], attempts: int) -> DiskReport:
    """Write until the disk is full, then write and read `attempts` times more."""
    small = make(database_max_mb=SMALL_MB)
    process = ServiceProcess(small)
    process.start()
    report = DiskReport()
    with httpx.Client(base_url=process.url, headers=HEADERS, timeout=30) as client:
        make_bank(client)
        acknowledged = _fill(client, report)
        for number in range(attempts):
            _count(report, _write(client, f"late-{number}"), acknowledged)
            _count(report, _import(client, number), acknowledged)
            _read(client, report)
    process.kill()
    _check_rows(small, acknowledged, report)
    larger = small.model_copy(update={"database_max_mb": 0})
    again = ServiceProcess(larger)
    again.start()
    with httpx.Client(base_url=again.url, headers=HEADERS, timeout=30) as client:
        for number in range(attempts):
            report.writes_with_more_space += _write(client, f"more-{number}").status_code == 201
    again.kill()
    if report.writes_with_more_space != attempts:
        report.failures.append("writes are refused although there is space again")
    return report


def _fill(client: httpx.Client, report: DiskReport) -> set[str]:
    acknowledged: set[str] = set()
    for number in range(MAX_WRITES):
        name = f"q-{number}"
        response = _write(client, name)
        if response.status_code != 201:
            _count(report, response, acknowledged)
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


def _count(report: DiskReport, response: httpx.Response, acknowledged: set[str]) -> None:
    """Count a refusal, or a write that still fitted in; any other response is a failure."""
    if response.status_code in {200, 201, 202}:
        report.refused["still fitted in"] += 1
        if "external_id" in response.json():
            acknowledged.add(response.json()["external_id"])
    elif REFUSALS.get(response.status_code) == response.json().get("code"):
        report.refused[response.json()["code"]] += 1
    else:
        report.failures.append(f"a write got {response.status_code} {response.text}")


def _read(client: httpx.Client, report: DiskReport) -> None:
    for path in ("/v1/questions/random?count=3", "/v1/questions?limit=5", "/v1/facets"):
        response = client.get(path)
        if response.status_code == 200:
            report.reads += 1
        else:
            report.failures.append(f"{path} got {response.status_code} {response.text}")


def _check_rows(settings: Settings, acknowledged: set[str], report: DiskReport) -> None:
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
