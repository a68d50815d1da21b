"""A deployment to test the mirror: a bank, a Meilisearch server, and a proxy that makes faults."""

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import orjson
import pytest
from sqlalchemy import text

from app.core.db.database import Database
from app.core.settings import Settings
from app.published.publishing import publish, withdraw
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.meilisearch.indexes.index_settings import PRIMARY_KEY
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.state import MirrorStateStore
from app.search.meilisearch.status import read_status
from app.search.meilisearch.timings import Timings
from app.search.operations.drift_check import DriftReport, check_replica
from app.search.operations.replicas import MeilisearchReplica, ReplicaError
from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import FaultProxy
from tests.support.meili.real import RealMeili, binary_path
from tests.support.publications import make_bank, make_publication

# Intervals for tests: what takes minutes in production takes tenths of a second here.
FAST_TIMINGS = Timings(
    poll_seconds=0.01,
    task_poll_seconds=0.005,
    task_poll_max_seconds=0.05,
    retry_seconds=0.05,
    retry_max_seconds=0.3,
    slow_retry_seconds=0.3,
    server_check_seconds=0.2,
    comparison_seconds=600.0,
    late_request_seconds=0.5,
    marker_seconds=0.1,
    report_seconds=0.05,
    lease_seconds=4.0,
    lease_renewal_seconds=1.0,
    request_timeout_seconds=2,
    batch_documents=20,
    read_rows=50,
)
# A real server on a busy machine takes a second for each batch.
TIMEOUT_SECONDS = 120.0 if os.environ.get("MEILI_BINARY") or os.environ.get("MEILI_URL") else 30.0


class ExternalMeili:
    """A server that is already running: tests cannot kill, wipe or restore it."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key


AnyMeili = FakeMeili | RealMeili | ExternalMeili


@contextmanager
def running_server(kind: str, folder: Path) -> Iterator[AnyMeili]:
    """Run the fake server, or the real one that the environment names; skip without one."""
    if kind == "fake":
        with FakeMeili() as fake:
            yield fake
        return
    program, url = binary_path(), os.environ.get("MEILI_URL")
    if program:
        with RealMeili(program, folder / "meilisearch") as real:
            yield real
    elif url:
        yield ExternalMeili(url, os.environ.get("MEILI_KEY", ""))
    else:
        pytest.skip("neither MEILI_BINARY nor MEILI_URL names a server")


class Deployment:
    """A database, a server behind a proxy, and the mirrors that a test starts.

    `settings` lead through the proxy. `direct_settings` and `direct_client` lead to the server
    itself, so the proxy's faults do not affect them.
    """

    def __init__(self, settings: Settings, server: AnyMeili, proxy: FaultProxy) -> None:
        self.server = server
        self.proxy = proxy
        self.prefix = f"test-{secrets.token_hex(4)}"
        self.settings = settings.model_copy(
            update={
                "meili_url": proxy.url,
                "meili_key": server.key,
                "search_prefix": self.prefix,
            }
        )
        self.database = Database(self.settings)
        self.mirrors: list[Mirror] = []
        self.direct_settings = self.settings.model_copy(update={"meili_url": server.url})
        self.direct_client = AdminClient(self.direct_settings)

    @property
    def controlled_server(self) -> FakeMeili | RealMeili:
        """The server, to kill, wipe or restore it; skips the test where that is not possible."""
        if isinstance(self.server, ExternalMeili):
            pytest.skip("this server cannot be restarted from here")
        return self.server

    def start_mirror(self, timings: Timings = FAST_TIMINGS) -> Mirror:
        mirror = Mirror(self.database, self.settings, timings=timings)
        mirror.start()
        self.mirrors.append(mirror)
        return mirror

    def stop_mirrors(self) -> None:
        while self.mirrors:
            self.mirrors.pop().stop(10.0)

    def close(self) -> None:
        self.proxy.clear_faults()
        self.proxy.up()
        self.stop_mirrors()
        if isinstance(self.server, ExternalMeili):
            for index in self.direct_client.index_creation_times(self.prefix):
                self.direct_client.delete_index(index)
        self.database.close()

    # Banks and questions

    def make_bank(self, slug: str = "science", **rules: str) -> None:
        make_bank(self.database, slug, **rules)
        self.bump_config_version()

    def change_bank(self, slug: str, **rules: str) -> None:
        changes = ", ".join(f'"{name}" = :{name}' for name in rules)
        self.execute(f"UPDATE banks SET {changes} WHERE slug = :slug", slug=slug, **rules)
        self.bump_config_version()

    def bump_config_version(self) -> None:
        self.execute("UPDATE clock SET config_version = config_version + 1")

    def execute(self, statement: str, **values: object) -> None:
        with self.database.write() as session:
            session.connection().execute(text(statement), values)

    def publish(self, *stems: str, bank: str = "science", **facets: object) -> list[UUID]:
        """Publish one question for each stem and return their ids."""
        entries = [
            make_publication(bank=bank, document=document(stem), answers=answers(stem), **facets)
            for stem in stems
        ]
        with self.database.write() as session:
            publish(session, entries)
        return [entry.id for entry in entries]

    def publish_many(self, count: int, bank: str = "science") -> list[UUID]:
        return self.publish(
            *(f"Why does word{number} grow in step {number % 7}?" for number in range(count)),
            bank=bank,
        )

    def republish(self, question_id: UUID, stem: str, **facets: object) -> None:
        """Publish the next revision of a question."""
        number, revision, bank = self.latest_revision(question_id)
        entry = make_publication(
            id=question_id,
            number=number,
            revision=revision + 1,
            bank=bank,
            document=document(stem),
            answers=answers(stem),
            **facets,
        )
        with self.database.write() as session:
            publish(session, [entry])

    def withdraw(self, *ids: UUID) -> None:
        with self.database.write() as session:
            withdraw(session, list(ids))

    def latest_revision(self, question_id: UUID) -> tuple[int, int, str]:
        """Return a question's number, its latest published revision, and its bank."""
        statement = text(
            "SELECT p.number, coalesce(p.revision, (SELECT max(d.revision) FROM documents d"
            " WHERE d.number = p.number)), p.bank FROM published p WHERE p.id = :id"
        )
        sqlite = self.database.dialect == "sqlite"
        with self.database.read() as session:
            value = question_id.hex if sqlite else question_id
            number, revision, bank = session.connection().execute(statement, {"id": value}).one()
            return number, revision, bank

    # What the mirror has done

    def wait_until_acknowledged(self, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until the mirror reports that everything is acknowledged."""
        deadline = time.monotonic() + seconds
        while True:
            status = read_status(self.database)
            if status.reached == status.clock and not self._rebuild_is_requested():
                return
            assert time.monotonic() < deadline, status.details()
            time.sleep(0.01)

    def converge(self, seconds: float = TIMEOUT_SECONDS) -> DriftReport:
        """Wait until the mirror reports that it is done and both sides are equal.

        Returns the last report of the drift check.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.wait_until_acknowledged(max(0.1, deadline - time.monotonic()))
            report = self.check_drift()
            if report is not None and report.total == 0 and not report.behind:
                return report
            assert time.monotonic() < deadline, report
            time.sleep(0.05)

    def check_drift(self) -> DriftReport | None:
        """Compare both sides without the proxy; None while an index is missing."""
        replica = MeilisearchReplica(self.database, self.direct_settings)
        try:
            return asyncio.run(check_replica(self.database, self.direct_settings, replica))
        except ReplicaError:
            return None

    def _rebuild_is_requested(self) -> bool:
        saved = MirrorStateStore(self.database).load()
        return saved is None or any(index.rebuild_requested for index in saved[1].values())

    def signatures(self, bank: str = "science") -> dict[int, tuple[int, str]]:
        """Return (revision, signature) of every document in a bank's index, by number."""
        return self.direct_client.get_signatures(live_index_name(self.prefix, bank), 0, None)

    def search(self, query: str, bank: str = "science", **parameters: object) -> list[int]:
        """Search on the server itself and return the numbers of the hits."""
        response = httpx.post(
            f"{self.server.url}/indexes/{live_index_name(self.prefix, bank)}/search",
            json={"q": query, "attributesToRetrieve": [PRIMARY_KEY], "limit": 1000, **parameters},
            headers=self.headers,
        )
        assert response.status_code == 200, response.text
        return [hit["id"] for hit in response.json()["hits"]]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request with the server's master key."""
        return {"Authorization": f"Bearer {self.server.key}"}


def document(stem: str) -> bytes:
    return orjson.dumps({"stem": stem, "hints": [], "options": [{"id": "o", "text": "Yes"}]})


def answers(stem: str) -> bytes:
    explanation = f"Secret{len(stem)} is why."
    return orjson.dumps({"answer": {"value": True}, "explanation": explanation, "feedback": {}})
