"""The outermost layer: admits from the head, answers the hot routes, dresses every answer."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.core.http.body_limit import BodyGuard
from app.core.http.exception_handlers import refusal
from app.core.http.replies import Headers, Reply
from app.core.http.response_headers import (
    PREFLIGHT,
    compress,
    for_browsers,
    manners,
    missing_manners,
    send_reply,
)
from app.core.http.route_requirements import Requirements
from app.core.http.uvicorn_protocol import Whole
from app.core.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SLOW_SECONDS = 0.01
MIN_EDITION = b"quizwell-min-edition"
# Where a scope's state keeps what `Edge.at_once` came to.
VISIT = "visit"


class Allowance(Protocol):
    """What is left of a caller's budget."""

    @property
    def headers(self) -> Headers:
        """The RateLimit headers."""


class Admission(Protocol):
    """Who is calling, and whether the budget allows it."""

    def admit(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[Any, Allowance]:
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

    async def renew(self) -> bool:
        """Wait until rules and keys are those that the clock knows; return whether they moved."""


Handler = Callable[[bytes, Any, dict[bytes, bytes]], Reply | Awaitable[Reply]]


class Door(Protocol):
    """The routes that are answered from memory, ahead of the framework."""

    def find(self, path: str) -> tuple[str, Handler, bool] | None:
        """Return a GET path's route, handler, and whether the time it takes is charged."""


class _Visit:
    """How far one request has come."""

    __slots__ = (
        "answer",
        "began",
        "caller",
        "demand",
        "dress",
        "headers",
        "path",
        "refused",
        "route",
        "scope",
        "started",
        "timed",
    )

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.began = self.started = time.perf_counter()
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.caller: Any = None
        self.demand: bytes | None = None
        # A key that is not known, which may have been made a moment ago.
        self.refused: Problem | None = None
        self.dress: Headers = []
        self.route = "unmatched"
        self.timed = False
        self.answer: Reply | Awaitable[Reply] | None = None


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

    def at_once(self, scope: Scope) -> Whole | None:
        """Return the whole answer to a GET, where that takes neither waiting nor the framework.

        Otherwise `__call__` goes on with the scope, from where this came to.
        """
        visit = self._begin(scope)
        if isinstance(visit.answer, Reply):
            self._finish(visit, visit.answer)
            return visit.answer.status, visit.answer.headers, visit.answer.body
        scope["state"][VISIT] = visit
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and for_browsers(scope["path"]):
            await send_reply(scope, send, Reply(204, b"", list(PREFLIGHT)))
            return
        visit = scope.setdefault("state", {}).pop(VISIT, None) or self._begin(scope)
        reply = visit.answer
        if not isinstance(reply, Reply):
            try:
                reply = await self._wait(visit, receive, send)
            except Exception as error:
                if scope["state"].get("answered"):
                    raise
                reply = refusal(error)
        if reply is not None:
            self._finish(visit, reply)
            await send_reply(scope, send, reply)

    def _begin(self, scope: Scope) -> "_Visit":
        """Admit a request and ask the door, unless an edition has to be reached before."""
        visit = _Visit(scope)
        try:
            self._admit(visit)
            if visit.path.startswith("/v1"):
                self._require_loaded()
                visit.demand = visit.headers.get(MIN_EDITION)
            if visit.demand is None:
                self._knock(visit)
        except Problem as problem:
            if problem.code == "invalid_key" and visit.path.startswith("/v1"):
                visit.refused = problem
            else:
                visit.answer = refusal(problem)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered
            visit.answer = refusal(error)
        return visit

    def _admit(self, visit: "_Visit") -> None:
        visit.caller, allowance = self._admission.admit(visit.scope, visit.headers)
        visit.scope["state"]["caller"] = visit.caller
        visit.dress = allowance.headers

    def _knock(self, visit: "_Visit") -> None:
        """Let the door answer, if the route is one of its own."""
        scope = visit.scope
        found = self._door.find(visit.path) if scope["method"] in {"GET", "HEAD"} else None
        if found is None:
            return
        visit.route, handler, visit.timed = found
        # Waiting for an edition costs nothing.
        visit.started = time.perf_counter()
        visit.answer = handler(scope["query_string"], visit.caller, visit.headers)
        if isinstance(visit.answer, Reply):
            self._charge(visit)

    async def _wait(self, visit: "_Visit", receive: Receive, send: Send) -> Reply | None:
        """Return the answer once it is there; None where the framework has sent its own."""
        if visit.refused is not None:
            await self._look_again(visit)
            visit.demand = visit.headers.get(MIN_EDITION)
            if visit.demand is None:
                self._knock(visit)
        if visit.demand is not None:
            await self._editions.demand(visit.demand.decode("latin-1"))
            self._knock(visit)
        if visit.answer is None:
            if visit.path.startswith("/v1"):
                await self._look_again(visit)
            await self._framework(visit, receive, send)
            return None
        if isinstance(visit.answer, Reply):
            return visit.answer
        reply = await visit.answer
        self._charge(visit)
        return reply

    async def _look_again(self, visit: "_Visit") -> None:
        """Admit a request anew where rules or keys were written since they were read.

        So who writes meets what was written before, on whichever worker; who reads goes by what
        the worker has, and demands an edition for more.
        """
        refused, visit.refused = visit.refused, None
        if await self._editions.renew():
            self._admit(visit)
        elif refused is not None:
            raise refused

    def _charge(self, visit: "_Visit") -> None:
        if visit.timed and (spent := time.perf_counter() - visit.started) > SLOW_SECONDS:
            self._admission.charge_time(visit.scope, visit.caller, spent)

    def _finish(self, visit: "_Visit", reply: Reply) -> None:
        """Compress and dress an answer, and count it."""
        compress(visit.headers.get(b"accept-encoding", b""), reply)
        extra = self._edition(visit.path, visit.scope["state"])
        headers = [*reply.headers, *visit.dress, *extra, *manners(visit.path)]
        if reply.status not in {204, 304}:
            headers.append((b"content-length", b"%d" % len(reply.body)))
        reply.headers = headers
        self._metrics.observe(visit.route, reply.status, time.perf_counter() - visit.began)

    async def _framework(self, visit: "_Visit", receive: Receive, send: Send) -> None:
        """Let the framework answer, dressed on the way out; nothing is left to send after."""
        scope, dress = visit.scope, visit.dress
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
                own = message.get("headers", [])
                extra = self._edition(scope["path"], scope["state"])
                headers = [*own, *dress, *extra, *missing_manners(scope["path"], own)]
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
        self._metrics.observe(route, status, time.perf_counter() - visit.began)

    def _refuse_method(self, path: str) -> None:
        methods = self._requirements.methods(path)
        if methods:
            message = "This address has no such method."
            raise Problem("method_not_allowed", message, headers={"Allow": ", ".join(methods)})

    def _require_loaded(self) -> None:
        if not self._editions.loaded():
            message = "This worker is still reading the bank."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})

    def _edition(self, path: str, state: dict[str, Any]) -> Headers:
        if not path.startswith("/v1"):
            return []
        mark = state.get("mark")
        sealed = self._editions.current() if mark is None else self._editions.sealed(mark)
        return [(b"quizwell-edition", sealed)]
