"""Sends the head of an answer and its body together: one system call and one packet, not two."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

# What uvicorn is told to speak with clients through.
PROTOCOL = "app.core.corking:CorkedProtocol"
# The ASGI extension that takes an answer at once; see `answer_whole`.
WHOLE = "quizwell.whole"

Whole = Callable[[int, list[tuple[bytes, bytes]], bytes], bool]


class Corked:
    """A transport that gives on what is written once the event loop comes round, as one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport can do
        """Return what the transport has under a name."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon, together with what else is written by then."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def write_now(self, data: bytes) -> None:
        """Write at once, unless something is to be written before it."""
        if self._parts:
            self._parts.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close behind what was written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


def answer_whole(
    cycle: RequestResponseCycle, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> bool:
    """Write an answer as uvicorn does from two messages; False where those are needed after all.

    Names of headers are in lower case, and one of them tells the length unless there is no body.
    uvicorn looks at each header three times: 5 to 15 % of an answer (measured).
    """
    if cycle.flow.write_paused or cycle.response_started:
        return False
    if cycle.disconnected:
        return True
    lines = [name + b": " + value for name, value in (*cycle.default_headers, *headers)]
    if not cycle.keep_alive:
        lines.append(b"connection: close")
    head = STATUS_LINE[status] + b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        message = "a header of the answer has a line break in it"
        raise ValueError(message)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cast(Corked, cycle.transport).write_now(head + b"\r\n\r\n" + body)
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a corked transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Begin a connection."""
        super().connection_made(cast(asyncio.Transport, Corked(transport)))

    def on_headers_complete(self) -> None:
        """Begin an answer, which the application may give as a whole."""
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope and not self.config.access_log:
            extensions: dict[str, Any] = {WHOLE: partial(answer_whole, cycle)}
            self.scope["extensions"] = extensions
