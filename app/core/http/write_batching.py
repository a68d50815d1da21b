"""Joins the socket writes of all connections of an event loop."""

import asyncio
from typing import Any

# A batch of this many transports is written without waiting for the event loop.
MAX_WAITING_TRANSPORTS = 32


class WriteBatch:
    """The transports of one event loop that have something to write.

    They are flushed together once the loop has read all that came in. A client process is woken
    by the first response that it gets: sent one after the other, several responses wake it once.
    docs/adr/0011-custom-parts-on-the-hot-path.md says what that is worth.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: list[BatchedTransport] = []

    def add(self, transport: "BatchedTransport") -> None:
        """Flush a transport with the next batch."""
        self._waiting.append(transport)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self.flush)
        elif len(self._waiting) == MAX_WAITING_TRANSPORTS:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits."""
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.flush()


class BatchedTransport:
    """A transport that collects what is written to it and sends it as one piece."""

    def __init__(self, transport: asyncio.Transport, batch: WriteBatch) -> None:
        """Write to `transport` whenever `batch` is flushed."""
        self._transport = transport
        self._batch = batch
        self._chunks: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the transport
        """Return an attribute of the real transport."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write with the next batch."""
        self._chunks.append(data)
        if len(self._chunks) == 1:
            self._batch.add(self)

    def is_closing(self) -> bool:
        """Return whether the transport is closed or closing."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what waits, then close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Write what waits."""
        chunks, self._chunks = self._chunks, []
        if chunks and not self._transport.is_closing():
            self._transport.write(b"".join(chunks))
