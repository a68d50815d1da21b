"""The outermost layer: admits from the head, answers the hot routes, dresses every answer."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from app.core.bodylimit import BodyGuard
from app.core.clock import Mark
from app.core.dressing import (
    PREFLIGHT,
    compress,
    for_browsers,
    manners,
    missing_manners,
    send_reply,
)
from app.core.errors import Problem
from app.core.handlers import refusal
from app.core.metrics import Metrics
from app.core.replies import Headers, Reply
from app.core.requirements import Requirements

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SLOW_SECONDS = 0.01
MIN_EDITION = b"quizwell-min-edition"


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
        path: str = scope["path"]
        method: str = scope["method"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        dress: Headers = []
        route = "unmatched"
        reply: Reply | None
        state = scope.setdefault("state", {})
        try:
            if method == "OPTIONS" and for_browsers(path):
                await send_reply(scope, send, Reply(204, b"", PREFLIGHT), [])
                return
            caller, allowance = self._admission.admit(scope, headers)
            state["caller"] = caller
            dress = allowance.headers
            if path.startswith("/v1"):
                self._require_loaded()
                if (wanted := headers.get(MIN_EDITION)) is not None:
                    await self._editions.demand(wanted.decode("latin-1"))
            found = self._door.find(path) if method in {"GET", "HEAD"} else None
            if found is not None:
                route, handler, timed = found
                # Waiting for an edition costs nothing.
                started = time.perf_counter()
                answer = handler(scope["query_string"], caller, headers)
                reply = answer if isinstance(answer, Reply) else await answer
                if timed and (spent := time.perf_counter() - started) > SLOW_SECONDS:
                    self._admission.charge_time(scope, caller, spent)
            else:
                route, reply = await self._framework(scope, receive, send, dress)
        except Exception as error:
            if state.get("answered"):
                raise
            reply = refusal(error)
        if reply is not None:
            compress(headers.get(b"accept-encoding", b""), reply)
            dress = [*dress, *self._edition(path, state), *manners(path)]
            await send_reply(scope, send, reply, dress)
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
        self._metrics.observe(route, status, time.perf_counter() - began)
        return route, None

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
