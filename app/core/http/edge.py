"""The outermost layer: admits requests, serves the fast routes, completes every response."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Problem
from app.core.http.access_log import log_response
from app.core.http.body_limit import BodyGuard
from app.core.http.edge_protocols import Admission, Editions, FastRoutes
from app.core.http.exception_handlers import error_reply
from app.core.http.replies import Headers, Reply
from app.core.http.request_context import STATE_KEY, RequestContext
from app.core.http.response_headers import (
    PREFLIGHT,
    compress,
    for_browsers,
    missing_headers,
    security_headers,
    send_reply,
)
from app.core.http.route_requirements import Requirements
from app.core.http.uvicorn_protocol import RawResponse
from app.core.log_config import handling
from app.core.metrics import Metrics

# A fast route that takes longer is charged to the caller's budget for its time.
CHARGED_FROM_SECONDS = 0.01
MIN_EDITION = b"quizwell-min-edition"


class Edge:
    """The ASGI application that clients meet; the framework is behind it.

    The life of a request:

    1. `_start` makes its context. `_admit` finds the caller by the key and charges its budget.
    2. `_try_fast_route` calls the handler of a fast route. Most return a reply without waiting;
       then uvicorn gets it from `respond_now`, and the next three steps are left out.
    3. `_wait_for_reply` waits for the edition that the client demands, for keys that another worker
       has just written, and for fast routes that have to wait.
    4. `_call_framework` handles every other route: it checks what the route requires of the
       request's head (method, scope, media type, size), then calls the framework.
    5. `_FrameworkSend` adds the common headers to the framework's response.
    6. `_finish` compresses a reply, adds the common headers, counts and logs it.

    Whatever is raised on the way becomes a problem document.
    """

    def __init__(  # noqa: PLR0913 - the wiring passes every part once
        self,
        app: ASGIApp,
        *,
        admission: Admission,
        fast_routes: FastRoutes,
        editions: Editions,
        requirements: Requirements,
        metrics: Metrics,
        logs_responses: bool = False,
    ) -> None:
        """Serve in front of `app`; log each response if `logs_responses` is true."""
        self._app = app
        self._admission = admission
        self._fast_routes = fast_routes
        self._editions = editions
        self._requirements = requirements
        self._metrics = metrics
        self._logs_responses = logs_responses

    def respond_now(self, scope: Scope) -> RawResponse | None:
        """Return the response to a GET that needs neither waiting nor the framework, else None.

        After None, `__call__` continues with the context that is stored in the scope.
        """
        context = self._start(scope)
        reply = context.reply
        if not isinstance(reply, Reply):
            return None
        self._finish(context, scope, reply)
        return reply.status, reply.headers, reply.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if scope["method"] == "OPTIONS" and for_browsers(scope["path"]):
            await self._respond_to_preflight(scope, send)
            return
        context = state.get(STATE_KEY) or self._start(scope)
        reply = context.reply
        if not isinstance(reply, Reply):
            with handling(context):
                reply = await self._reply_or_error(context, scope, receive, send)
        if reply is not None:
            self._finish(context, scope, reply)
            await send_reply(scope, send, reply)

    async def _respond_to_preflight(self, scope: Scope, send: Send) -> None:
        """Tell a browser that pages of any origin may send the request (CORS)."""
        context = RequestContext(scope)
        reply = Reply(204, b"", list(PREFLIGHT))
        if self._logs_responses:
            seconds = time.perf_counter() - context.received
            with handling(context):
                log_response(context, scope, reply.status, seconds)
        await send_reply(scope, send, reply)

    def _start(self, scope: Scope) -> RequestContext:
        """Admit a request and try the fast routes, unless it has to wait for something first."""
        context = scope["state"][STATE_KEY] = RequestContext(scope)
        try:
            self._admit(context, scope)
            if context.path.startswith("/v1"):
                self._require_loaded()
                context.min_edition = context.headers.get(MIN_EDITION)
            if context.min_edition is None:
                self._try_fast_route(context, scope)
        except Problem as problem:
            if problem.code == "invalid_key" and context.path.startswith("/v1"):
                # Another worker may have made the key a moment ago.
                context.key_problem = problem
            else:
                context.reply = error_reply(problem, context.request_id)
        except Exception as error:  # noqa: BLE001 - every error becomes a response
            with handling(context):
                context.reply = error_reply(error, context.request_id)
        return context

    def _admit(self, context: RequestContext, scope: Scope) -> None:
        context.caller, allowance = self._admission.admit(scope, context.headers)
        context.budget_headers = allowance.headers

    def _require_loaded(self) -> None:
        if not self._editions.loaded():
            message = "This worker is still loading the banks."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})

    def _try_fast_route(self, context: RequestContext, scope: Scope) -> None:
        """Call the handler of the path, if it is a fast route."""
        if scope["method"] not in {"GET", "HEAD"}:
            return
        found = self._fast_routes.find(context.path)
        if found is None:
            return
        context.route, handler, context.is_charged = found
        if context.is_charged:
            # The time that was spent waiting for an edition is not charged.
            context.handler_started = time.perf_counter()
        context.reply = handler(scope["query_string"], context.caller, context.headers)
        if isinstance(context.reply, Reply):
            self._charge(context, scope)

    def _charge(self, context: RequestContext, scope: Scope) -> None:
        """Charge the caller for a handler that took long."""
        if context.is_charged:
            seconds = time.perf_counter() - context.handler_started
            if seconds > CHARGED_FROM_SECONDS:
                self._admission.charge_time(scope, context.caller, seconds)

    async def _reply_or_error(
        self, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> Reply | None:
        try:
            return await self._wait_for_reply(context, scope, receive, send)
        except Exception as error:
            if context.response_started:
                raise
            return error_reply(error, context.request_id)

    async def _wait_for_reply(
        self, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> Reply | None:
        """Return the reply as soon as it is ready; None if the framework has sent its own."""
        if context.key_problem is not None:
            await self._admit_again(context, scope)
            context.min_edition = context.headers.get(MIN_EDITION)
            if context.min_edition is None:
                self._try_fast_route(context, scope)
        if context.min_edition is not None:
            await self._editions.wait_for(context.min_edition.decode("latin-1"))
            self._try_fast_route(context, scope)
        if context.reply is None:
            if context.path.startswith("/v1"):
                await self._admit_again(context, scope)
            await self._call_framework(context, scope, receive, send)
            return None
        if isinstance(context.reply, Reply):
            return context.reply
        reply = await context.reply
        self._charge(context, scope)
        return reply

    async def _admit_again(self, context: RequestContext, scope: Scope) -> None:
        """Find the caller again, once this worker knows the newest banks and keys.

        So a client that writes sees its former writes on every worker, and a revoked key stops
        working at once. A client that reads gets what the worker has in memory, unless it demands
        an edition. The caller is looked up in any case: another request may have loaded a newer
        configuration since this one was admitted.
        """
        problem, context.key_problem = context.key_problem, None
        await self._editions.refresh_config()
        if problem is None:
            context.caller = self._admission.authenticate(context.headers)
            return
        try:
            self._admission.authenticate(context.headers)
        except Problem:
            # The first error has the headers of the budget that it was charged to.
            raise problem from None
        self._admit(context, scope)

    async def _call_framework(
        self, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the framework handle the request and send its response."""
        is_head = scope["method"] == "HEAD"
        # A copy: uvicorn reads the method of its own scope to leave out the body.
        inner = {**scope, "method": "GET"} if is_head else scope
        receive = self._check_requirements(context, inner, receive)
        sender = _FrameworkSend(send, context, self._edition_header, is_head)
        try:
            await self._app(inner, receive, sender)
        except Exception:
            # After a complete response the framework raises only for the log. Half a response has
            # to break the connection.
            context.response_started = sender.status > 0
            if not sender.is_complete:
                raise
        context.route = getattr(inner.get("route"), "path", "unmatched")
        self._record(context, scope, sender.status)

    def _check_requirements(
        self, context: RequestContext, scope: Scope, receive: Receive
    ) -> Receive:
        """Check the request's head; return a `receive` that limits the size of the body."""
        requirement = self._requirements.find(scope["method"], context.path)
        if requirement is None:
            methods = self._requirements.methods(context.path)
            if methods:
                message = "This address does not have this method."
                headers = {"Allow": ", ".join(methods)}
                raise Problem("method_not_allowed", message, headers=headers)
            return receive
        requirement.check(context.caller)
        guard = BodyGuard(receive, requirement.max_bytes)
        guard.check_head(scope, requirement.media_types)
        return guard

    def _finish(self, context: RequestContext, scope: Scope, reply: Reply) -> None:
        """Compress a reply, add the common headers, count and log it."""
        compress(context.headers.get(b"accept-encoding", b""), reply)
        headers = [
            *reply.headers,
            *context.budget_headers,
            *self._edition_header(context),
            *security_headers(context.path),
        ]
        if reply.status not in {204, 304}:
            headers.append((b"content-length", b"%d" % len(reply.body)))
        reply.headers = headers
        self._record(context, scope, reply.status)

    def _edition_header(self, context: RequestContext) -> Headers:
        """Return the edition of what the request wrote, else of the worker's memory."""
        if not context.path.startswith("/v1"):
            return []
        mark = context.mark
        edition = self._editions.current() if mark is None else self._editions.seal(mark)
        return [(b"quizwell-edition", edition)]

    def _record(self, context: RequestContext, scope: Scope, status: int) -> None:
        seconds = time.perf_counter() - context.received
        self._metrics.observe(context.route, status, seconds)
        if self._logs_responses:
            with handling(context):
                log_response(context, scope, status, seconds)


class _FrameworkSend:
    """Sends the framework's messages, with the common headers added to the first of them."""

    def __init__(
        self,
        send: Send,
        context: RequestContext,
        edition_header: Callable[[RequestContext], Headers],
        is_head: bool,
    ) -> None:
        self._send = send
        self._context = context
        self._edition_header = edition_header
        self._is_head = is_head
        # 0 until the response has begun.
        self.status = 0
        self.is_complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = message.get("headers", [])
            headers = [
                *own,
                *self._context.budget_headers,
                *self._edition_header(self._context),
                *missing_headers(self._context.path, own),
            ]
            message = {**message, "headers": headers}
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)
        self.is_complete = message["type"] == "http.response.body" and not message.get("more_body")
