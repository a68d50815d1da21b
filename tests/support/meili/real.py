"""A real Meilisearch process that tests can start, kill, wipe and restore."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import httpx

from tests.support.meili.fake import MASTER_KEY, PAYLOAD_LIMIT_BYTES

START_TIMEOUT_SECONDS = 60.0
# The value of docker-compose.yml: with the default, batches take longer on larger machines.
INDEXING_MEMORY = "1GiB"


def binary_path() -> str | None:
    """Return the path that MEILI_BINARY names, None if it is not set."""
    return os.environ.get("MEILI_BINARY")


class RealMeili:
    """A server with its data in `folder` and the methods of FakeMeili."""

    def __init__(
        self,
        program: str,
        folder: Path,
        master_key: str | None = MASTER_KEY,
        payload_limit: int = PAYLOAD_LIMIT_BYTES,
    ) -> None:
        self.program = program
        self.folder = folder
        self.master_key = master_key
        self.payload_limit = payload_limit
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port: int = sock.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return self.master_key or ""

    def close(self) -> None:
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def down(self) -> None:
        """Kill the server with SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def up(self, *options: str) -> None:
        """Start the server and wait until it is healthy."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [self.program, "--no-analytics", "--http-addr", f"127.0.0.1:{self.port}"]
        command += ["--db-path", "data.ms", "--dump-dir", "dumps", "--snapshot-dir", "snapshots"]
        command += ["--http-payload-size-limit", str(self.payload_limit)]
        command += ["--max-indexing-memory", INDEXING_MEMORY, *options]
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder)}
        if self.master_key is not None:
            environment["MEILI_MASTER_KEY"] = self.master_key
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._is_healthy():
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.02)

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=1.0).status_code == 200
        except httpx.HTTPError:
            return False

    def wipe(self, master_key: str | None = "") -> None:
        """Restart with an empty data folder; a `master_key` other than "" replaces the old one."""
        self.down()
        if master_key != "":
            self.master_key = master_key
        shutil.rmtree(self.folder / "data.ms")
        self.up()

    def crash(self) -> None:
        """Kill the server and start it with the same data."""
        self.down()
        self.up()

    def restore_snapshot(self) -> None:
        """Start from the latest snapshot that a task made."""
        self._import("--import-snapshot", self.folder / "snapshots" / "data.ms.snapshot")

    def restore_dump(self) -> None:
        """Start from the latest dump that a task made."""
        self._import("--import-dump", max((self.folder / "dumps").glob("*.dump")))

    def _import(self, option: str, path: Path) -> None:
        self.down()
        shutil.rmtree(self.folder / "data.ms")
        self.up(option, str(path))

    def wait_until_idle(self, seconds: float = 60.0) -> None:
        """Wait until no task is enqueued or being processed."""
        headers = {"Authorization": f"Bearer {self.key}"}
        deadline = time.monotonic() + seconds
        query = f"{self.url}/tasks?statuses=enqueued,processing&limit=1"
        while httpx.get(query, headers=headers).json()["total"]:
            assert time.monotonic() < deadline, "tasks are still waiting"
            time.sleep(0.01)
