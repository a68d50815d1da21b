"""Two worlds: one history with one thing changed, and all that a caller can see of each."""

import os
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

from app.core import time_and_random
from app.core.settings import Settings
from tests.support.serving import Service, serving

# 2026-01-01, in milliseconds.
BEGINNING = 1_767_225_600_000

Seen = tuple[int, tuple[tuple[str, str], ...], bytes]
History = Callable[["World"], None]


class ReplayedSource:
    """Time and chance that depend on the step of the history and on nothing else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time = BEGINNING
        self._chance = random.Random(0)

    def step(self, number: int) -> None:
        with self._lock:
            self._time = BEGINNING + number * 1000
            self._chance = random.Random(number)

    def milliseconds(self) -> int:
        return self._time

    def random_bytes(self, count: int) -> bytes:
        if threading.current_thread().name == "search-mirror":
            # It works whenever it can: what it draws must take nothing from the history.
            return os.urandom(count)
        with self._lock:
            return self._chance.randbytes(count)


class World:
    """One service whose history can be told again, step by step."""

    def __init__(self, service: Service, source: ReplayedSource) -> None:
        self.service = service
        self._source = source
        self._step = 0

    def begin(self) -> None:
        self._step += 1
        self._source.step(self._step)

    def write(self, method: str, path: str, status: int, **request: Any) -> dict[str, Any]:
        """Do one step of the history as the admin."""
        self.begin()
        answer = self.service.admin.request(method, path, **request)
        self.begin()
        return self.service.expect(answer, status)

    def key(self, *scopes: str, banks: tuple[str, ...] = ("*",), **more: object) -> str:
        body = {"name": "k", "kind": "secret", "scopes": scopes, "banks": banks} | more
        return str(self.write("POST", "/v1/editing/keys", 201, json=body)["secret"])

    def await_search(self) -> None:
        """Wait until what was told is in the search index, however far its loop has come."""
        client = self.service.admin
        edition = client.get("/v1/facets").headers["Quizwell-Edition"]
        headers = {"Quizwell-Min-Edition": edition}
        while (answer := client.get("/v1/search?q=a", headers=headers)).status_code == 503:
            pass
        assert answer.status_code == 200, answer.text

    def see(self, key: str | None, path: str, method: str = "GET", **request: Any) -> Seen:
        """Return every byte of an answer but the server's clock."""
        self.begin()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = self.service.anonymous.request(method, path, headers=headers, **request)
        told = tuple(
            (name, value) for name, value in answer.headers.multi_items() if name != "date"
        )
        return answer.status_code, told, answer.content


def world(settings: Settings) -> Iterator[World]:
    """Serve a world over an empty database."""
    source = ReplayedSource()
    with time_and_random.overridden(source), serving(settings) as service:
        yield World(service, source)
