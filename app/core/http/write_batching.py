"""Sends what an event loop's connections have written in one go."""

import asyncio
from typing import Any

# No answer waits for more than so many others.
MOST_WAITING = 32


class Outbox:
    """What one event loop has to send: all of it goes once the loop has read what came in.

    Whoever reads an answer wakes for it: sent between readings, each answer wakes its reader, and
    waking takes a seventh of what an answer from memory costs (measured); sent one behind the
    other, the first one does.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: list[Corked] = []

    def put(self, corked: "Corked") -> None:
        """Let a transport send soon what it holds."""
        self._waiting.append(corked)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self.send)
        elif len(self._waiting) == MOST_WAITING:
            self.send()

    def send(self) -> None:
        """Send all of it now."""
        waiting, self._waiting = self._waiting, []
        for corked in waiting:
            corked.flush()


class Corked:
    """A transport that gives on what is written by way of an outbox, as one piece."""

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._outbox = outbox
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport can do
        """Return what the transport has under a name."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon, together with what else is written by then."""
        self._parts.append(data)
        if len(self._parts) == 1:
            self._outbox.put(self)

    def is_closing(self) -> bool:
        """Return whether nothing can be written any more."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close behind what was written."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Write what waits."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
