"""A complete service on a real socket, in a thread of the test process."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import State

from app import main
from app.access.service import ensure_admin_key
from app.core.db.database import Database
from app.core.http.edge import Edge
from app.core.http.uvicorn_protocol import PROTOCOL
from app.core.settings import Settings
from tests.support.databases import ADMIN_KEY
from tests.support.server_thread import serve_in_thread

BANK = {
    "slug": "science",
    "name": "Science",
    "description": "",
    "language": "en",
    "read": "public",
    "answers": "public",
    "exposure": "open",
    "reveal": "key",
}

# A pool of unused FastAPI applications: creating one takes 0.1 s.
_spare_frameworks: list[FastAPI] = []


@dataclass
class Service:
    """A running service: `anonymous` and `admin` are clients of it."""

    url: str
    settings: Settings
    database: Database
    anonymous: httpx.Client
    admin: httpx.Client
    opened: list[httpx.Client] = field(default_factory=list)

    def client(self, key: str) -> httpx.Client:
        client = http_client(self.url, key)
        self.opened.append(client)
        return client

    def make_bank(self, **changes: object) -> str:
        bank = BANK | changes
        self.expect(self.admin.post("/v1/editing/banks", json=bank), 201)
        return str(bank["slug"])

    def make_key(
        self, *scopes: str, banks: tuple[str, ...] = ("*",), **more: object
    ) -> httpx.Client:
        body = {
            "name": "test",
            "kind": "secret",
            "scopes": list(scopes),
            "banks": list(banks),
        } | more
        response = self.expect(self.admin.post("/v1/editing/keys", json=body), 201)
        return self.client(str(response["secret"]))

    def make_question(self, publish: bool = True, **changes: object) -> dict[str, object]:
        body = {
            "bank": "science",
            "kind": "true_false",
            "stem": "Water boils at a lower temperature on a mountain.",
            "difficulty": "easy",
            "answer": {"value": True},
        } | changes
        flag = "?publish=true" if publish else ""
        return self.expect(self.admin.post(f"/v1/editing/questions{flag}", json=body), 201)

    def wait_for_write(self, response: httpx.Response) -> None:
        """Wait until the worker serves what the request of this response wrote."""
        edition = response.headers["Quizwell-Edition"]
        served = self.anonymous.get("/v1/facets", headers={"Quizwell-Min-Edition": edition})
        assert served.status_code == 200, served.text

    def expect(self, response: httpx.Response, status: int) -> dict[str, object]:
        assert response.status_code == status, response.text
        if "Quizwell-Edition" in response.headers and response.request.method != "GET":
            self.wait_for_write(response)
        return dict(response.json()) if response.content else {}


def http_client(url: str, key: str = "", timeout: float = 5) -> httpx.Client:
    """Return a client of a service of this machine, which sends the key, if any."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=timeout)


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    """Serve on a free port until the block ends."""
    database = Database(settings)
    with database.write() as session:
        ensure_admin_key(session, settings)
    with (
        closing(database),
        _application(settings) as application,
        serve_in_thread(_config(application)) as port,
        http_client(url := f"http://127.0.0.1:{port}") as anonymous,
        http_client(url, ADMIN_KEY) as admin,
    ):
        while anonymous.get("/readyz").status_code != 200:
            time.sleep(0.005)
        service = Service(url, settings, database, anonymous, admin)
        try:
            yield service
        finally:
            for client in service.opened:
                client.close()


@contextmanager
def _application(settings: Settings) -> Iterator[Edge]:
    """Give the application over a spare framework: to make one takes a tenth of a second."""
    framework = _spare_frameworks.pop() if _spare_frameworks else main.create_framework()
    with patch.object(main, "create_framework", return_value=framework):
        application = main.create_app(settings)
    yield application
    # What this service stored there must not live longer than the service.
    framework.state = State()
    framework.router.lifespan_context = _no_lifespan
    _spare_frameworks.append(framework)


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def _config(application: Edge) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        port=0,
        log_level="warning",
        ws="none",
        http=PROTOCOL,
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        server_header=False,
    )
