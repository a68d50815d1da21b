"""The outermost layer: admits from the head, answers the hot routes, dresses every answer."""

import gzip
import inspect
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from app.core import entropy
from app.core.bodylimit import BodyGuard
from app.core.clock import Mark
from app.core.errors import Problem
from app.core.handlers import as_problem
from app.core.metrics import Metrics
from app.core.replies import NO_STORE, Headers, Reply, problem_reply
from app.core.requirements import Requirements

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COMPRESS_FROM = 1024
SLOW_SECONDS = 0.01
_REFUSED = re.compile(rb"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")
MIN_EDITION = b"quizwell-min-edition"
OPEN_PATHS = {"/healthz", "/readyz"}
CLOSED_TO_BROWSERS = ("/v1/editing/", "/v1/imports", "/v1/exports")
ALLOWED_HEADERS = (
    b"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Quizwell-Min-Edition"
)
EXPOSED_HEADERS = b"ETag, Location, Quizwell-Edition, RateLimit, RateLimit-Policy, Retry-After"
SAFE: Headers = [(b"x-content-type-options", b"nosniff")]
API_POLICY: Headers = [(b"content-security-policy", b"default-src 'none'")]
ANY_ORIGIN: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED_HEADERS),
]
PREFLIGHT: Headers = [
    *SAFE,
    *API_POLICY,
    *ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, OPTIONS"),
    (b"access-control-allow-headers", ALLOWED_HEADERS),
    (b"access-control-max-age", b"86400"),
]


class Allowance(Protocol):
    """What is left of a caller's budget."""

    @property
    def headers(self) -> Headers:
        """The RateLimit headers."""


class Admission(Protocol):
    """Who is calling, and whether the budget allows it."""

    def admit(self, scope: Scope) -> tuple[Any, Allowance]:
        """Return caller and allowance; Problem rate_limited, invalid_key, origin_not_allowed."""

    def charge_time(self, scope: Scope, caller: Any, seconds: float) -> None:  # noqa: ANN401
        """Charge a request that was costly for the time it took."""


class Editions(Protocol):
    """What the worker's memory holds, and what a client may demand of it."""

    def current(self) -> bytes:
        """Return the sealed edition of the worker's memory."""

    def sealed(self, mark: Mark) -> bytes:
        """Return the sealed edition of a mark."""

    def loaded(self) -> bool:
        """Return whether there is something to serve."""

    async def demand(self, edition: str) -> None:
        """Wait until the edition is reached; Problem edition_ahead or not_caught_up."""


Handler = Callable[[bytes, Any, dict[bytes, bytes]], Reply | Awaitable[Reply]]


class Door(Protocol):
    """The routes that are answered from memory, ahead of the framework."""

    def find(self, path: str) -> tuple[str, Handler, bool] | None:
        """Return a GET path's route, handler, and whether the time it takes is charged."""


class Edge:
    """The ASGI application that clients meet; the framework stands behind it."""

    def __init__(  # noqa: PLR0913 - the wiring hands every part once
        self,
        app: Application,
        *,
        admission: Admission,
        door: Door,
        editions: Editions,
        requirements: Requirements,
        metrics: Metrics,
    ) -> None:
        """Stand before `app`."""
        self._app = app
        self._admission = admission
        self._door = door
        self._editions = editions
        self._requirements = requirements
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path = scope["path"]
        method = scope["method"]
        dress: Headers = []
        route = "unmatched"
        reply: Reply | None
        state = scope.setdefault("state", {})
        state["request_id"] = entropy.random_bytes(8).hex()
        try:
            if method == "OPTIONS" and _for_browsers(path):
                await _send(send, Reply(204, b"", PREFLIGHT), [], head=False)
                return
            caller, allowance = self._admission.admit(scope)
            state["caller"] = caller
            dress = list(allowance.headers)
            headers = dict(scope["headers"])
            if path not in OPEN_PATHS and path.startswith("/v1"):
                await self._catch_up(headers)
            found = self._door.find(path) if method in {"GET", "HEAD"} else None
            if found is not None:
                route, handler, timed = found
                # Waiting for an edition costs nothing.
                started = time.perf_counter()
                answer = handler(scope["query_string"], caller, headers)
                reply = await answer if inspect.isawaitable(answer) else answer
                if timed and (spent := time.perf_counter() - started) > SLOW_SECONDS:
                    self._admission.charge_time(scope, caller, spent)
            else:
                route, reply = await self._framework(scope, receive, send, dress)
        except Exception as error:
            if state.get("answered"):
                raise
            reply = problem_reply(as_problem(error), state["request_id"])
        if reply is not None:
            dress += self._edition(path, state) + self._manners(path, reply)
            _compress(scope, reply)
            await _send(send, reply, dress, head=method == "HEAD")
            self._metrics.observe(route, reply.status, time.perf_counter() - began)

    async def _framework(
        self, scope: Scope, receive: Receive, send: Send, dress: Headers
    ) -> tuple[str, Reply | None]:
        """Let the framework answer, dressed on the way out; nothing is left to send after."""
        began = time.perf_counter()
        head = scope["method"] == "HEAD"
        if head:
            # A copy: the server goes by its own scope to leave out the body.
            scope = {**scope, "method": "GET"}
        requirement = self._requirements.find(scope["method"], scope["path"])
        if requirement is None:
            self._refuse_method(scope["path"])
        else:
            requirement.check(scope["state"]["caller"])
            guard = BodyGuard(receive, requirement.max_bytes)
            guard.check_head(scope, requirement.media_types)
            receive = guard
        status, ended = 0, False

        async def dressed(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                own = Reply(status, b"", headers)
                extra = self._edition(scope["path"], scope["state"])
                headers = [*headers, *dress, *extra, *self._manners(scope["path"], own)]
                message = {**message, "headers": headers}
            elif head:
                message = {**message, "body": b""}
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, dressed)
        except Exception:
            # After a whole answer the framework raises only for whoever logs; half an answer has
            # to break the connection.
            scope["state"]["answered"] = bool(status)
            if not ended:
                raise
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.observe(route, status, time.perf_counter() - began)
        return route, None

    def _refuse_method(self, path: str) -> None:
        methods = self._requirements.methods(path)
        if methods:
            message = "This address has no such method."
            raise Problem("method_not_allowed", message, headers={"Allow": ", ".join(methods)})

    async def _catch_up(self, headers: dict[bytes, bytes]) -> None:
        wanted = headers.get(MIN_EDITION)
        if not self._editions.loaded():
            message = "This worker is still reading the bank."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
        if wanted is not None:
            await self._editions.demand(wanted.decode("latin-1"))

    def _edition(self, path: str, state: dict[str, Any]) -> Headers:
        if not path.startswith("/v1"):
            return []
        mark = state.get("mark")
        sealed = self._editions.current() if mark is None else self._editions.sealed(mark)
        return [(b"quizwell-edition", sealed)]

    def _manners(self, path: str, reply: Reply) -> Headers:
        given = {name for name, _ in reply.headers}
        headers = list(SAFE)
        if b"content-security-policy" not in given:
            headers += API_POLICY
        if b"cache-control" not in given:
            headers.append((b"cache-control", NO_STORE))
        if _for_browsers(path):
            headers += ANY_ORIGIN
        return headers


def _for_browsers(path: str) -> bool:
    return path.startswith("/v1/") and not path.startswith(CLOSED_TO_BROWSERS)


def _compress(scope: Scope, reply: Reply) -> None:
    if len(reply.body) < COMPRESS_FROM or reply.status != 200:
        return
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    if b"gzip" not in accepted or _REFUSED.search(accepted):
        return
    reply.body = gzip.compress(reply.body, 1, mtime=0)
    reply.headers = [
        (name, value[:-1] + b'-gzip"' if name == b"etag" else value)
        for name, value in reply.headers
    ]
    reply.headers.append((b"content-encoding", b"gzip"))


async def _send(send: Send, reply: Reply, dress: Headers, *, head: bool) -> None:
    length = (b"content-length", b"%d" % len(reply.body))
    headers = [*reply.headers, *dress]
    if reply.status not in {204, 304}:
        headers.append(length)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
