"""Runs a uvicorn server in a thread, and speaks with it byte by byte."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

TICK_SECONDS = 1.0


class ThreadServer(uvicorn.Server):
    """A server that reports its start and obeys `stop()` without polling.

    uvicorn looks for the end ten times a second and then waits a tenth of a second for its
    connections: over a thousand servers that is two minutes.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.start_decided = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested: asyncio.Event | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        finally:
            # Also wake the waiting thread if the start failed.
            self.start_decided.set()

    def stop(self) -> None:
        """Ask for the end, from any thread."""
        if self._loop is not None and self._stop_requested is not None:
            self._loop.call_soon_threadsafe(self._stop_requested.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_requested = asyncio.Event()
        await super().startup(sockets)
        self.start_decided.set()

    async def main_loop(self) -> None:
        assert self._stop_requested is not None
        while not self._stop_requested.is_set():
            # Counter 0 renews the Date header.
            await self.on_tick(0)
            try:
                await asyncio.wait_for(self._stop_requested.wait(), TICK_SECONDS)
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_tasks_to_complete()
        await self.lifespan.shutdown()


@contextmanager
def serve_in_thread(config: uvicorn.Config) -> Iterator[int]:
    """Serve until the block ends; gives the port."""
    server = ThreadServer(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server.start_decided.wait()
    assert server.started, "the server did not start"
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.stop()
        thread.join()


def connect(port: int) -> socket.socket:
    """Return a connection to a server of this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def receive_all(connection: socket.socket) -> bytes:
    """Return everything that arrives until the other side closes."""
    received = b""
    while part := connection.recv(1 << 20):
        received += part
    return received
