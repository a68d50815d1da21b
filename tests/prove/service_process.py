"""A process that serves, and that can be killed at any moment and started again."""

import multiprocessing
import os
import signal
import socket
import time
from multiprocessing.process import BaseProcess

import httpx
import uvicorn

from app.access.service import ensure_admin_key
from app.core.db.database import Database
from app.core.http.uvicorn_protocol import PROTOCOL
from app.core.settings import Settings
from app.main import create_app
from tests.support.serving import http_client

# A fork server imports the application once; each start after that takes milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.prove.service_process"])


def _serve(settings: Settings, port: int) -> None:
    uvicorn.run(
        create_app(settings),
        port=port,
        log_level="error",
        ws="none",
        http=PROTOCOL,
        proxy_headers=False,
        server_header=False,
        access_log=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServiceProcess:
    """A process that serves with `settings`; every start uses the same port."""

    def __init__(self, settings: Settings, *, daemon: bool = True) -> None:
        self._settings = settings
        self._daemon = daemon
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: BaseProcess | None = None

    def start(self) -> None:
        if self._process is None:
            self._make_admin()
        process = CONTEXT.Process(
            target=_serve, args=(self._settings, self._port), daemon=self._daemon
        )
        process.start()
        self._process = process
        with http_client(self.url) as client:
            while not _is_ready(client):
                assert process.is_alive(), f"the service ended with status {process.exitcode}"
                time.sleep(0.005)

    def _make_admin(self) -> None:
        database = Database(self._settings)
        with database.write() as session:
            ensure_admin_key(session, self._settings)
        database.close()

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def make_bank(client: httpx.Client) -> None:
    """Make the bank for the written questions, and wait until the service has loaded it."""
    bank = {"slug": "science", "name": "Science", "read": "public", "answers": "public"}
    response = client.post("/v1/editing/banks", json=bank)
    assert response.status_code == 201, response.text
    min_edition = {"Quizwell-Min-Edition": response.headers["Quizwell-Edition"]}
    client.get("/v1/facets", headers=min_edition).raise_for_status()
