"""Two services whose data differ in one aspect, and all responses that a caller gets."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from app.core import time_and_random
from app.core.settings import Settings
from tests.support.serving import Service, serving

# 2026-01-01, in milliseconds.
START_MILLISECONDS = 1_767_225_600_000

# Status, headers and body of a response.
Seen = tuple[int, tuple[tuple[str, str], ...], bytes]


class ReplayedSource:
    """Time and random bytes that depend only on the step of the history."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time = START_MILLISECONDS
        self._random = random.Random(0)

    def step(self, number: int) -> None:
        with self._lock:
            self._time = START_MILLISECONDS + number * 1000
            self._random = random.Random(number)

    def milliseconds(self) -> int:
        return self._time

    def random_bytes(self, count: int) -> bytes:
        if threading.current_thread().name == "search-mirror":
            # This thread runs at its own pace, so it must not take bytes from the history.
            return os.urandom(count)
        with self._lock:
            return self._random.randbytes(count)


class World:
    """A service whose history can be repeated exactly, step by step."""

    def __init__(self, service: Service, source: ReplayedSource) -> None:
        self.service = service
        self._source = source
        self._step = 0
        self._connection = HTTPConnection(urlsplit(service.url).netloc)

    def close(self) -> None:
        self._connection.close()

    def next_step(self) -> None:
        self._step += 1
        self._source.step(self._step)

    def write(self, method: str, path: str, status: int, **request: Any) -> dict[str, Any]:
        """Do one step of the history as the administrator."""
        self.next_step()
        response = self.service.admin.request(method, path, **request)
        self.next_step()
        return self.service.expect(response, status)

    def key(self, *scopes: str, banks: tuple[str, ...] = ("*",), **more: object) -> str:
        body = {"name": "k", "kind": "secret", "scopes": scopes, "banks": banks} | more
        return str(self.write("POST", "/v1/editing/keys", 201, json=body)["secret"])

    def await_search(self) -> None:
        """Wait until the search index contains the history."""
        client = self.service.admin
        edition = client.get("/v1/facets").headers["Quizwell-Edition"]
        headers = {"Quizwell-Min-Edition": edition}
        while (response := client.get("/v1/search?q=a", headers=headers)).status_code == 503:
            pass
        assert response.status_code == 200, response.text

    def see(self, key: str | None, path: str, method: str = "GET", body: bytes = b"") -> Seen:
        """Return every byte of a response except the Date header.

        This is the inner loop of the test, so it uses the client with the least overhead.
        """
        self.next_step()
        headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._connection.request(method, path, body or None, headers)
        response = self._connection.getresponse()
        seen = tuple(pair for pair in response.getheaders() if pair[0].lower() != "date")
        return response.status, seen, response.read()


@contextmanager
def serve_world(settings: Settings) -> Iterator[World]:
    """Serve a world over an empty database."""
    source = ReplayedSource()
    with (
        time_and_random.overridden(source),
        serving(settings) as service,
        closing(World(service, source)) as world,
    ):
        yield world
