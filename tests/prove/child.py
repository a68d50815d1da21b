"""A serving process that can be killed at any moment and started again at once."""

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

# A fork server imports the application once; each start after that takes milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.prove.child"])


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


class Child:
    """One serving process over `settings`, on a port that stays the same."""

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
        while True:
            assert process.is_alive(), f"the service ended with status {process.exitcode}"
            try:
                if httpx.get(self.url + "/readyz", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
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


def make_bank(client: httpx.Client) -> None:
    """Make the bank that is written to, and wait until the service knows it."""
    bank = {"slug": "science", "name": "Science", "read": "public", "answers": "public"}
    made = client.post("/v1/editing/banks", json=bank)
    assert made.status_code == 201, made.text
    reached = {"Quizwell-Min-Edition": made.headers["Quizwell-Edition"]}
    client.get("/v1/facets", headers=reached).raise_for_status()
