"""The fake server's requests: faults, keys, routes and the JSON around them."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.meili.documents import parse_json
from tests.support.meili.errors import DISK_FULL, MeiliError
from tests.support.meili.faults import Faults
from tests.support.meili.index import Index
from tests.support.meili.keys import Bearer, bearer
from tests.support.meili.scheduling import Scheduler
from tests.support.meili.state import State
from tests.support.meili.tasks import Task
from tests.support.meili.uids import check_path
from tests.support.meili.wire import Answer, HangUpError, Request

JSON = {"Content-Type": "application/json"}


@dataclass
class Call:
    """One request that is allowed to be answered, and by whom it was sent."""

    server: "Server"
    request: Request
    sender: Bearer
    names: Mapping[str, str]

    @property
    def state(self) -> State:
        return self.server.scheduler.state

    @property
    def uid(self) -> str:
        """The uid of the index in the path, which the sender may see."""
        uid = check_path(self.names["uid"])
        self.sender.check_index(uid)
        return uid

    @property
    def index(self) -> Index:
        return self.state.index(self.uid)

    def payload(self) -> bytes:
        """Return the body as it was before it was compressed, if it is not too large."""
        body, limit = self.request.body, self.server.payload_limit
        coding = self.request.headers.get("content-encoding", "identity")
        if coding == "gzip":
            body = gzip.decompress(body)
        elif coding == "deflate":
            body = zlib.decompress(body)
        elif coding != "identity":
            raise MeiliError("unsupported_media_type", f"`{coding}` is not supported.", 415)
        if len(body) > limit:
            message = (
                "The provided payload reached the size limit. The maximum accepted payload size "
                f"is {limit / 1_000_000:g} MB."
            )
            raise MeiliError("payload_too_large", message)
        return body

    def json(self) -> Any:
        headers = self.request.headers
        if headers.get("content-type", "").split(";")[0].strip() != "application/json":
            sent = headers.get("content-type")
            code = "invalid_content_type" if sent else "missing_content_type"
            start = (
                f"The Content-Type `{sent}` is invalid."
                if sent
                else ("A Content-Type header is missing.")
            )
            end = "Accepted values for the Content-Type header are: `application/json`"
            raise MeiliError(code, f"{start} {end}")
        return parse_json(self.payload())

    def enqueue(
        self,
        kind: str,
        index_uid: str | None,
        details: dict[str, Any],
        content: Any = None,
        *,
        create: bool = False,
        metadata: str | None = None,
    ) -> Answer:
        """Enqueue a task and answer with its summary."""
        server = self.server
        about_tasks = kind in ("taskCancelation", "taskDeletion")
        if server.faults.full_disk and not about_tasks:
            raise MeiliError("no_space_left_on_device", DISK_FULL)
        task: Task = self.state.enqueue(
            kind, index_uid, details, content, create=create, metadata=metadata
        )
        if kind == "taskCancelation":
            server.scheduler.abort(set(content))
        server.scheduler.wake()
        if server.faults.take("lost_responses"):
            raise HangUpError
        return answered(task.summary(), 200 if about_tasks else 202)


Answerer = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, the action that a key must allow, and what answers."""

    method: str
    path: str
    action: str | None
    answer: Answerer
    searching: bool = False


def answered(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), JSON)


def refused(error: MeiliError) -> Answer:
    headers = {**JSON, "Retry-After": "10"} if error.status == 503 else JSON
    return Answer(error.status, json.dumps(error.body(), ensure_ascii=False).encode(), headers)


class Server:
    """Answers requests from the scheduler's state."""

    def __init__(
        self,
        scheduler: Scheduler,
        routes: list[Route],
        master_key: str | None,
        payload_limit: int,
    ) -> None:
        self.scheduler = scheduler
        self.faults: Faults = scheduler.faults
        self.master_key = master_key
        self.payload_limit = payload_limit
        self.requests: list[tuple[str, str]] = []
        self._routes = [(route.path.split("/"), route) for route in routes]

    async def handle(self, request: Request) -> Answer:
        """Answer a request, or misbehave as told."""
        self.requests.append((request.method, request.target))
        if self.faults.take("lost_requests"):
            raise HangUpError
        if self.faults.slow:
            await asyncio.sleep(self.faults.slow)
        if self.faults.unavailable:
            headers = {"Content-Type": "text/html", "Retry-After": "1"}
            return Answer(503, b"<h1>Service Unavailable</h1>", headers)
        try:
            with self.scheduler.lock:
                return self._route(request)
        except MeiliError as error:
            return refused(error)

    def _route(self, request: Request) -> Answer:
        found = [
            (route, names)
            for pattern, route in self._routes
            if (names := _names(pattern, request.path)) is not None
        ]
        for route, names in found:
            if route.method == request.method:
                return self._call(route, request, names)
        if found:
            allow = ", ".join(sorted({route.method for route, _ in found}))
            return Answer(405, headers={"Allow": allow})
        return Answer(404)

    def _call(self, route: Route, request: Request, names: dict[str, str]) -> Answer:
        sender = Bearer()
        if route.action is not None:
            if self.master_key is None and route.action.startswith("keys."):
                message = (
                    "Meilisearch is running without a master key. To access this API endpoint, "
                    "you must have set a master key at launch."
                )
                raise MeiliError("missing_master_key", message)
            header = request.headers.get("authorization")
            sender = bearer(header, self.master_key, self.scheduler.state.keys)
            sender.check(route.action)
        if route.searching and self.faults.busy:
            message = "Too many search requests running at the same time: 1. Retry after 10s."
            raise MeiliError("too_many_search_requests", message)
        return route.answer(Call(self, request, sender, names))


def _names(pattern: list[str], path: str) -> dict[str, str] | None:
    parts = path.split("/")
    if len(parts) != len(pattern):
        return None
    names = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            names[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return names
