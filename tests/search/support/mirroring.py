"""A bank, a Meilisearch server behind a proxy that makes faults, and the mirror between them."""

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

from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.settings import Settings
from app.published.publishing import put, withdraw
from app.search.meilisearch.client import Server
from app.search.meilisearch.index_names import live_name
from app.search.meilisearch.index_settings import PRIMARY_KEY
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.state import States
from app.search.meilisearch.status import read_status
from app.search.meilisearch.timings import Pace
from app.search.operations.drift_check import CopyError, Drift, MirrorCopy, check
from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import FaultProxy
from tests.support.meili.real import RealMeili, binary
from tests.support.publications import make_bank, make_publication

# A mirror in a hurry; what production waits for minutes, tests wait for moments.
PACE = Pace(
    poll=0.01,
    ask=0.005,
    ask_most=0.05,
    retry=0.05,
    retry_most=0.3,
    slow=0.3,
    verify=0.2,
    compare=600.0,
    doubt=0.5,
    note=0.1,
    report=0.05,
    lease=4.0,
    renew=1.0,
    timeout=2,
    documents=20,
    rows=50,
)
# A real server on a busy machine takes a second for each batch.
PATIENCE = 120.0 if os.environ.get("MEILI_BINARY") or os.environ.get("MEILI_URL") else 30.0


class LiveMeili:
    """A server that somebody else runs: it cannot be killed, wiped or restored from here."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key


AnyMeili = FakeMeili | RealMeili | LiveMeili


@contextmanager
def running(kind: str, folder: Path) -> Iterator[AnyMeili]:
    """Run the fake server, or the real one that the environment names."""
    if kind == "fake":
        with FakeMeili() as fake:
            yield fake
        return
    program, url = binary(), os.environ.get("MEILI_URL")
    if program:
        with RealMeili(program, folder / "meilisearch") as real:
            yield real
    elif url:
        yield LiveMeili(url, os.environ.get("MEILI_KEY", ""))
    else:
        pytest.skip("neither MEILI_BINARY nor MEILI_URL names a server")


class World:
    """One deployment: its database, its server behind a proxy, and as many mirrors as are started.

    `controlled` is the server where it can be killed, wiped and restored.
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
        direct = self.settings.model_copy(update={"meili_url": server.url})
        self.direct_settings = direct
        self.direct = Server(direct)

    @property
    def controlled(self) -> FakeMeili | RealMeili:
        if isinstance(self.server, LiveMeili):
            pytest.skip("this server cannot be restarted from here")
        return self.server

    def start(self, pace: Pace = PACE) -> Mirror:
        mirror = Mirror(self.database, self.settings, pace=pace)
        mirror.start()
        self.mirrors.append(mirror)
        return mirror

    def stop(self) -> None:
        while self.mirrors:
            self.mirrors.pop().stop(10.0)

    def close(self) -> None:
        self.proxy.lift()
        self.proxy.up()
        self.stop()
        if isinstance(self.server, LiveMeili):
            for uid in self.direct.indexes(self.prefix):
                self.direct.drop_index(uid)
        self.database.close()

    def make_bank(self, slug: str = "science", **rules: str) -> None:
        make_bank(self.database, slug, **rules)
        self.bump()

    def change_bank(self, slug: str, **rules: str) -> None:
        changes = ", ".join(f'"{name}" = :{name}' for name in rules)
        self.execute(f"UPDATE banks SET {changes} WHERE slug = :slug", slug=slug, **rules)
        self.bump()

    def bump(self) -> None:
        self.execute("UPDATE clock SET config_version = config_version + 1")

    def execute(self, statement: str, **values: object) -> None:
        from sqlalchemy import text  # noqa: PLC0415

        with self.database.write() as session:
            session.connection().execute(text(statement), values)

    def publish(self, *stems: str, bank: str = "science", **facets: object) -> list[UUID]:
        """Publish one question for each stem and return their ids."""
        entries = [
            make_publication(bank=bank, document=document(stem), answers=answers(stem), **facets)
            for stem in stems
        ]
        with self.database.write() as session:
            put(session, entries)
        return [entry.id for entry in entries]

    def publish_many(self, count: int, bank: str = "science") -> list[UUID]:
        return self.publish(
            *(f"Why does word{number} grow in step {number % 7}?" for number in range(count)),
            bank=bank,
        )

    def republish(self, question_id: UUID, stem: str, **facets: object) -> None:
        """Publish the next revision of a question."""
        number, revision, bank = self.row(question_id)
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
            put(session, [entry])

    def withdraw(self, *ids: UUID) -> None:
        with self.database.write() as session:
            withdraw(session, list(ids))

    def row(self, question_id: UUID) -> tuple[int, int, str]:
        from sqlalchemy import text  # noqa: PLC0415

        statement = text(
            "SELECT p.number, coalesce(p.revision, (SELECT max(d.revision) FROM documents d"
            " WHERE d.number = p.number)), p.bank FROM published p WHERE p.id = :id"
        )
        sqlite = self.database.dialect == "sqlite"
        with self.database.read() as session:
            value = question_id.hex if sqlite else question_id
            number, revision, bank = session.connection().execute(statement, {"id": value}).one()
            return number, revision, bank

    def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until the mirror says that everything has arrived."""
        deadline = time.monotonic() + seconds
        while True:
            status = read_status(self.database)
            if status.reached == status.clock and not self._wanted():
                return
            assert time.monotonic() < deadline, status.details()
            time.sleep(0.01)

    def converge(self, seconds: float = PATIENCE) -> Drift:
        """Wait until both sides are equal and the mirror says so, and return the last check."""
        deadline = time.monotonic() + seconds
        while True:
            self.settle(max(0.1, deadline - time.monotonic()))
            drift = self.drift()
            if drift is not None and drift.total == 0 and not drift.behind:
                return drift
            assert time.monotonic() < deadline, drift
            time.sleep(0.05)

    def drift(self) -> Drift | None:
        """Compare both sides without the proxy; None while the server holds no index."""
        try:
            return asyncio.run(check(self.database, self.direct_settings, self.copy()))
        except CopyError:
            return None

    def copy(self) -> MirrorCopy:
        return MirrorCopy(self.database, self.direct_settings)

    def _wanted(self) -> bool:
        kept = States(self.database).read()
        return kept is None or any(place.wanted for place in kept[1].values())

    def indexed(self, bank: str = "science") -> dict[int, tuple[int, str]]:
        return self.direct.signatures(live_name(self.prefix, bank), 0, None)

    def found(self, query: str, bank: str = "science", **more: object) -> list[int]:
        """Ask the server itself and return the numbers found."""
        answer = httpx.post(
            f"{self.server.url}/indexes/{live_name(self.prefix, bank)}/search",
            json={"q": query, "attributesToRetrieve": [PRIMARY_KEY], "limit": 1000, **more},
            headers=self.headers,
        )
        assert answer.status_code == 200, answer.text
        return [hit["id"] for hit in answer.json()["hits"]]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.server.key}"}

    def snapshot(self) -> None:
        """Have the server make a snapshot of itself."""
        answer = httpx.post(f"{self.server.url}/snapshots", headers=self.headers)
        assert answer.status_code == 202, answer.text
        self.controlled.idle()

    def clock_seq(self) -> int:
        with self.database.read() as session:
            return read_mark(session).seq


def document(stem: str) -> bytes:
    return orjson.dumps({"stem": stem, "hints": [], "options": [{"id": "o", "text": "Yes"}]})


def answers(stem: str) -> bytes:
    explanation = f"Secret{len(stem)} is why."
    return orjson.dumps({"answer": {"value": True}, "explanation": explanation, "feedback": {}})
