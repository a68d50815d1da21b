"""A small HTTP/1.1 server in a thread that can abort connections and close its port for a while."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11

READ_BYTES = 1 << 16


class CloseConnectionError(Exception):
    """Raised by a handler to close the connection without a response."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request with its complete body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Response:
    """One response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]


class Listener:
    """Calls a handler for each request, in a thread; `down` and `up` close and open the port."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self.handler = handler
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._background: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Open the port; it stays the same after the first time."""
        self.run_in_loop(self._up())

    def down(self) -> None:
        """Refuse connections and abort the open ones."""
        self.run_in_loop(self._down())

    def run_in_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the listener's event loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def start_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine until the listener is closed."""

        async def start() -> None:
            self._background.append(asyncio.ensure_future(work))

        self.run_in_loop(start())

    def close(self) -> None:
        self.run_in_loop(self._down())
        self.run_in_loop(self._stop_background())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        if self._server is not None:
            # Accept no more connections first: one whose transport is created after the server was
            # closed would stay open.
            for sock in self._server.sockets:
                self._loop.remove_reader(sock.fileno())
            await asyncio.sleep(0.01)
            self._server.close()
            self._server = None
        tasks = list(self._connections.values())
        for writer in self._connections:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop_background(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[writer] = task
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._serve_requests(reader, writer)
        except (CloseConnectionError, ConnectionError, h11.ProtocolError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            del self._connections[writer]
            writer.close()

    async def _serve_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            request = await _read_request(connection, reader)
            if request is None:
                return
            response = await self.handler(request)
            writer.write(_response_bytes(connection, request, response))
            await writer.drain()
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode(): value.decode() for name, value in head.headers}
            return Request(head.method.decode(), head.target.decode(), headers, bytes(body))
        else:
            return None


def _response_bytes(connection: h11.Connection, request: Request, response: Response) -> bytes:
    headers = [*response.headers.items(), ("Content-Length", str(len(response.body)))]
    sent = connection.send(h11.Response(status_code=response.status, headers=headers)) or b""
    if request.method != "HEAD":
        sent += connection.send(h11.Data(data=response.body)) or b""
    return sent + (connection.send(h11.EndOfMessage()) or b"")
