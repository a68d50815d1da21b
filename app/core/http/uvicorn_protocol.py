"""uvicorn's HTTP protocol with batched writes, and without a task for responses from memory."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

from starlette.types import Scope
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.core.errors import Problem
from app.core.http.exception_handlers import error_reply
from app.core.http.replies import new_request_id
from app.core.http.response_headers import SECURITY_HEADERS
from app.core.http.write_batching import BatchedTransport, WriteBatch

# The value of uvicorn's `http` option.
PROTOCOL = "app.core.http.uvicorn_protocol:FastHttpProtocol"

# Status, headers (names in lower case; with Content-Length unless there is no body), body.
RawResponse = tuple[int, list[tuple[bytes, bytes]], bytes]
RespondNow = Callable[[Scope], RawResponse | None]

_batches: WeakKeyDictionary[asyncio.AbstractEventLoop, WriteBatch] = WeakKeyDictionary()

log = logging.getLogger(__name__)


def _serialized(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes | None:
    """Return a response as it is sent; None if a header contains a line break."""
    lines = b"\r\n".join(map(b": ".join, headers))
    breaks = len(headers) - 1
    if lines.count(b"\n") != breaks or lines.count(b"\r") != breaks:
        return None
    return b"".join((STATUS_LINE[status], lines, b"\r\n\r\n", body))


class FastHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a shortcut for applications that have a method `respond_now`.

    `respond_now(scope)` is called when a GET without a body has been read. It returns the whole
    response, which is written without a task and without ASGI messages; or None, and then uvicorn
    calls the application as usual, with the same scope. Unusual requests always go uvicorn's way:
    another method, a body, an upgrade, escapes in the path, later requests of a pipeline.

    The order of events: uvicorn calls `on_headers_complete`, `on_body` and `on_message_complete`
    from within `data_received`. For a GET the first is postponed until it is clear that no body
    follows.
    """

    # Whether the next request may be passed to `respond_now`. Only the first one of the data that
    # was received may, so that other connections are served between the requests of a pipeline.
    _may_respond_now = False
    # Whether uvicorn's own `on_headers_complete` was postponed.
    _is_postponed = False
    # The loop's time of the last response by `respond_now`.
    _last_response_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Start a connection."""
        batch = _batches.setdefault(self.loop, WriteBatch())
        super().connection_made(cast(asyncio.Transport, BatchedTransport(transport, batch)))
        respond_now: RespondNow | None = getattr(self.app, "respond_now", None)
        # These options are implemented in uvicorn's own path only.
        needs_uvicorn = (
            self.config.access_log or self.root_path or self.limit_concurrency is not None
        )
        self._respond_now = None if needs_uvicorn else respond_now

    def data_received(self, data: bytes) -> None:
        """Parse what a client sent."""
        self._may_respond_now = self._respond_now is not None
        # uvicorn would cancel the keep-alive timer here and set it again after the response. It
        # keeps running instead; `timeout_keep_alive_handler` checks how long the idle time was.
        timer, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        super().data_received(data)
        if self._is_postponed and not self.transport.is_closing():
            self._resume_headers_complete()
        self.timeout_keep_alive_task = timer
        if timer is None and self._last_response_at and not self.transport.is_closing():
            self._schedule_keep_alive(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless it was idle for less than the timeout."""
        idle = self.loop.time() - self._last_response_at
        if self.cycle is not None and not self.cycle.response_complete:
            idle = 0.0
        if idle < self.timeout_keep_alive:
            self._schedule_keep_alive(self.timeout_keep_alive - idle)
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the problem document says more
        """Respond to invalid HTTP with a problem document, and close the connection."""
        problem = Problem("malformed_request", "The request is not well-formed HTTP/1.1.")
        reply = error_reply(problem, new_request_id())
        length = (b"content-length", b"%d" % len(reply.body))
        headers = [
            *self.server_state.default_headers,
            *reply.headers,
            *SECURITY_HEADERS,
            length,
            CLOSE_HEADER,
        ]
        data = _serialized(reply.status, headers, reply.body)
        if data is not None:
            self.transport.write(data)
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Start a request, or postpone that until it is clear that no body follows."""
        may_respond_now, self._may_respond_now = self._may_respond_now, False
        if may_respond_now and self.parser.get_method() == b"GET" and self._is_plain():
            self._is_postponed = True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body."""
        if self._is_postponed:
            self._resume_headers_complete()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; respond to one that was postponed."""
        if self._is_postponed:
            if self._try_respond_now():
                self._is_postponed = False
                return
            self._resume_headers_complete()
        super().on_message_complete()

    def _is_plain(self) -> bool:
        """Return whether nothing waits to be sent and the request has nothing special."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and self.parser.get_http_version() == "1.1"
        )

    def _resume_headers_complete(self) -> None:
        """Let uvicorn start the request that was postponed."""
        self._is_postponed = False
        super().on_headers_complete()

    def _try_respond_now(self) -> bool:
        """Write the response of `respond_now`; return False if there is none."""
        path, _, query = self.url.partition(b"?")
        # uvicorn decodes or refuses unusual addresses.
        if self._respond_now is None or path[:1] != b"/" or not self.url.isascii():
            return False
        if b"%" in path or b"#" in self.url:
            return False
        scope = cast(dict[str, Any], self.scope)
        scope["method"], scope["path"] = "GET", path.decode()
        scope["raw_path"], scope["query_string"] = path, query
        try:
            response = self._respond_now(scope)
        except Exception:
            # uvicorn would blame the client for an exception that is raised here.
            log.exception("a fast response failed")
            return False
        if response is None:
            return False
        keeps_alive = self.parser.should_keep_alive()
        status, headers, body = response
        ending = [] if keeps_alive else [CLOSE_HEADER]
        data = _serialized(status, self.server_state.default_headers + headers + ending, body)
        if data is None:
            return False
        self.transport.write(data)
        self.server_state.total_requests += 1
        self._last_response_at = self.loop.time()
        if not keeps_alive:
            self.transport.close()
        return True

    def _schedule_keep_alive(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )
