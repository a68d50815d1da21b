"""Handles requests: applies faults, checks the key, and calls the route."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.meili.engine.index import Index
from tests.support.meili.errors import DISK_FULL, MeiliError
from tests.support.meili.faults import Faults
from tests.support.meili.http.keys import Credentials, authenticate
from tests.support.meili.http.listener import CloseConnectionError, Request, Response
from tests.support.meili.http.payloads import parse_json
from tests.support.meili.state import ServerState
from tests.support.meili.tasks.scheduler import Scheduler
from tests.support.meili.tasks.task import Task
from tests.support.meili.uids import check_path_uid

JSON_HEADERS = {"Content-Type": "application/json"}


@dataclass
class RequestContext:
    """One authorized request.

    `names` are the parts of the path that the route names, by name.
    """

    server: "Server"
    request: Request
    credentials: Credentials
    names: Mapping[str, str]

    @property
    def state(self) -> ServerState:
        return self.server.scheduler.state

    @property
    def uid(self) -> str:
        """The uid of the index in the path; MeiliError if the key does not cover it."""
        uid = check_path_uid(self.names["uid"])
        self.credentials.check_index(uid)
        return uid

    @property
    def index(self) -> Index:
        return self.state.index(self.uid)

    def payload(self) -> bytes:
        """Return the decompressed body; MeiliError if it is too large."""
        body, limit = self.request.body, self.server.payload_limit
        encoding = self.request.headers.get("content-encoding", "identity")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        elif encoding != "identity":
            raise MeiliError("unsupported_media_type", f"`{encoding}` is not supported.", 415)
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
            reason = (
                f"The Content-Type `{sent}` is invalid."
                if sent
                else ("A Content-Type header is missing.")
            )
            accepted = "Accepted values for the Content-Type header are: `application/json`"
            raise MeiliError(code, f"{reason} {accepted}")
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
    ) -> Response:
        """Enqueue a task and return the response with its summary."""
        server = self.server
        concerns_tasks = kind in ("taskCancelation", "taskDeletion")
        if server.faults.full_disk and not concerns_tasks:
            raise MeiliError("no_space_left_on_device", DISK_FULL)
        task: Task = self.state.enqueue(
            kind, index_uid, details, content, create=create, metadata=metadata
        )
        if kind == "taskCancelation":
            server.scheduler.abort(set(content))
        server.scheduler.wake()
        if server.faults.consume("lost_responses"):
            raise CloseConnectionError
        return json_response(task.summary(), 200 if concerns_tasks else 202)


RouteHandler = Callable[[RequestContext], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, the action that a key must allow (None: no key needed), and the handler.

    `is_search`: the search queue limits it.
    """

    method: str
    path: str
    action: str | None
    handler: RouteHandler
    is_search: bool = False


def json_response(body: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(body, ensure_ascii=False).encode(), JSON_HEADERS)


def error_response(error: MeiliError) -> Response:
    headers = {**JSON_HEADERS, "Retry-After": "10"} if error.status == 503 else JSON_HEADERS
    return Response(error.status, json.dumps(error.body(), ensure_ascii=False).encode(), headers)


class Server:
    """Handles requests with the scheduler's state."""

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
        self._routes = [(route.path.split("/"), route) for route in routes]

    async def handle(self, request: Request) -> Response:
        """Handle a request, or apply a fault to it."""
        if self.faults.consume("lost_requests"):
            raise CloseConnectionError
        if self.faults.delay_seconds:
            await asyncio.sleep(self.faults.delay_seconds)
        if self.faults.unavailable:
            headers = {"Content-Type": "text/html", "Retry-After": "1"}
            return Response(503, b"<h1>Service Unavailable</h1>", headers)
        try:
            with self.scheduler.lock:
                return self._route(request)
        except MeiliError as error:
            return error_response(error)

    def _route(self, request: Request) -> Response:
        matching = [
            (route, names)
            for pattern, route in self._routes
            if (names := _match_path(pattern, request.path)) is not None
        ]
        for route, names in matching:
            if route.method == request.method:
                return self._call(route, request, names)
        if matching:
            allow = ", ".join(sorted({route.method for route, _ in matching}))
            return Response(405, headers={"Allow": allow})
        return Response(404)

    def _call(self, route: Route, request: Request, names: dict[str, str]) -> Response:
        credentials = Credentials()
        if route.action is not None:
            if self.master_key is None and route.action.startswith("keys."):
                message = (
                    "Meilisearch is running without a master key. To access this API endpoint, "
                    "you must have set a master key at launch."
                )
                raise MeiliError("missing_master_key", message)
            header = request.headers.get("authorization")
            credentials = authenticate(header, self.master_key, self.scheduler.state.keys)
            credentials.check_action(route.action)
        if route.is_search and self.faults.search_queue_full:
            message = "Too many search requests running at the same time: 1. Retry after 10s."
            raise MeiliError("too_many_search_requests", message)
        return route.handler(RequestContext(self, request, credentials, names))


def _match_path(pattern: list[str], path: str) -> dict[str, str] | None:
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
