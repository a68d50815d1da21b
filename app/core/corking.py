"""Sends the head of an answer and its body together: one system call and one packet, not two."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# What uvicorn is told to speak with clients through.
PROTOCOL = "app.core.corking:CorkedProtocol"


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

    def close(self) -> None:
        """Close behind what was written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a corked transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Begin a connection."""
        super().connection_made(cast(asyncio.Transport, Corked(transport)))
