"""A whole service on a real socket, in a thread of the test's own process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn

from app.access.service import ensure_admin_key
from app.core.db.database import Database
from app.core.http.uvicorn_protocol import PROTOCOL
from app.core.settings import Settings
from app.main import create_app
from tests.support.databases import ADMIN_KEY

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
        client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"})
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
        answer = self.expect(self.admin.post("/v1/editing/keys", json=body), 201)
        return self.client(str(answer["secret"]))

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

    def settle(self, answer: httpx.Response) -> None:
        """Wait until the worker serves what `answer`'s request wrote."""
        edition = answer.headers["Quizwell-Edition"]
        done = self.anonymous.get("/v1/facets", headers={"Quizwell-Min-Edition": edition})
        assert done.status_code == 200, done.text

    def expect(self, answer: httpx.Response, status: int) -> dict[str, object]:
        assert answer.status_code == status, answer.text
        if "Quizwell-Edition" in answer.headers and answer.request.method != "GET":
            self.settle(answer)
        return dict(answer.json()) if answer.content else {}


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    """Serve on a free port until the block ends."""
    database = Database(settings)
    with database.write() as session:
        ensure_admin_key(session, settings)
    config = uvicorn.Config(
        create_app(settings),
        port=0,
        log_level="warning",
        ws="none",
        http=PROTOCOL,
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with (
        httpx.Client(base_url=url) as anonymous,
        httpx.Client(base_url=url, headers=headers) as admin,
    ):
        while anonymous.get("/readyz").status_code != 200:
            time.sleep(0.005)
        service = Service(url, settings, database, anonymous, admin)
        yield service
        for client in service.opened:
            client.close()
    server.should_exit = True
    thread.join()
    database.close()
