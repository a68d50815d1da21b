"""uvicorn's protocol, quicker and with our refusals: answers from memory take no task."""

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from typing import Any, cast
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.core.errors import Problem
from app.core.http.exception_handlers import refusal
from app.core.http.response_headers import SAFE
from app.core.http.write_batching import Corked, Outbox

# What uvicorn is told to speak with clients through.
PROTOCOL = "app.core.http.uvicorn_protocol:CorkedProtocol"

# Status, headers (names in lower case, one of them the length unless there is no body), body.
Whole = tuple[int, list[tuple[bytes, bytes]], bytes]
AtOnce = Callable[[MutableMapping[str, Any]], Whole | None]

_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()

log = logging.getLogger(__name__)


def _written(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes | None:
    """Return an answer as it is sent; None where a header would break its line."""
    lines = b"\r\n".join(map(b": ".join, headers))
    breaks = len(headers) - 1
    if lines.count(b"\n") != breaks or lines.count(b"\r") != breaks:
        return None
    return b"".join((STATUS_LINE[status], lines, b"\r\n\r\n", body))


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a corked transport.

    An application may have a method `at_once(scope)`. It is asked for each GET whose turn it is on
    its connection, and returns the whole answer, or None, upon which it is called as ever, with the
    same scope. That spares a task, a cycle of messages and the looks at each header: a third of
    what an answer from memory cost (measured).
    """

    # Whether the next request of the piece of data at hand may be answered at once: only the
    # first, so that other connections are served between the requests of a pipeline.
    _turn = False
    # Whether a request waits for its end, to be answered at once.
    _postponed = False
    # When the last answer at once was given.
    _answered_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Begin a connection."""
        corked = Corked(transport, _outboxes.setdefault(self.loop, Outbox()))
        super().connection_made(cast(asyncio.Transport, corked))
        offered: AtOnce | None = getattr(self.app, "at_once", None)
        # Only uvicorn's own way knows what these ask for.
        special = self.config.access_log or self.root_path or self.limit_concurrency is not None
        self._at_once = None if special else offered

    def data_received(self, data: bytes) -> None:
        """Take what a client sent."""
        self._turn = self._at_once is not None
        # Out of uvicorn's sight the timer runs on: to set it anew takes a twentieth of an answer.
        timer, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        super().data_received(data)
        if self._postponed and not self.transport.is_closing():
            self._go_on()
        self.timeout_keep_alive_task = timer
        if timer is None and self._answered_at and not self.transport.is_closing():
            self._wait_for_more(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """End the connection, unless it was idle for a shorter time than that."""
        idle = self.loop.time() - self._answered_at
        if self.cycle is not None and not self.cycle.response_complete:
            idle = 0.0
        if idle < self.timeout_keep_alive:
            self._wait_for_more(self.timeout_keep_alive - idle)
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says more
        """Refuse what is no HTTP by a problem document, and end the connection."""
        reply = refusal(Problem("malformed_request", "What was sent is not well-formed HTTP/1.1."))
        length = (b"content-length", b"%d" % len(reply.body))
        headers = [*self.server_state.default_headers, *reply.headers, *SAFE, length, CLOSE_HEADER]
        data = _written(reply.status, headers, reply.body)
        if data is not None:
            self.transport.write(data)
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Begin an answer, or wait for the end of a request that may be answered at once."""
        turn, self._turn = self._turn, False
        if turn and self.parser.get_method() == b"GET" and self._is_idle():
            self._postponed = True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if self._postponed:
            self._go_on()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._postponed:
            if self._answered():
                self._postponed = False
                return
            self._go_on()
        super().on_message_complete()

    def _is_idle(self) -> bool:
        """Return whether nothing is to be sent before an answer, nor anything special asked for."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and self.parser.get_http_version() == "1.1"
        )

    def _go_on(self) -> None:
        """Let uvicorn begin what was postponed."""
        self._postponed = False
        super().on_headers_complete()

    def _answered(self) -> bool:
        """Answer at once where that can be done."""
        path, _, query = self.url.partition(b"?")
        # uvicorn undoes and refuses whatever is unusual in an address.
        if self._at_once is None or path[:1] != b"/" or not self.url.isascii():
            return False
        if b"%" in path or b"#" in self.url:
            return False
        scope = cast(dict[str, Any], self.scope)
        scope["method"], scope["path"] = "GET", path.decode()
        scope["raw_path"], scope["query_string"] = path, query
        try:
            whole = self._at_once(scope)
        except Exception:
            # Raised on, it would be taken for a fault of the client.
            log.exception("an answer could not be given at once")
            return False
        if whole is None:
            return False
        keeps = self.parser.should_keep_alive()
        status, headers, body = whole
        ending = [] if keeps else [CLOSE_HEADER]
        data = _written(status, self.server_state.default_headers + headers + ending, body)
        if data is None:
            return False
        self.transport.write(data)
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if not keeps:
            self.transport.close()
        return True

    def _wait_for_more(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )
