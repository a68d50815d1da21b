"""Responses are written as one piece, in order, and before a connection is closed."""

from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from app.core.http.uvicorn_protocol import PROTOCOL
from tests.support.server_thread import connect, receive_all, serve_in_thread

REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n%b\r\n"
CLOSE = b"Connection: close\r\n"
PARTS = 3


async def _app(scope: Scope, _receive: Receive, send: Send) -> None:
    """Respond with as many bytes as the path says; stream the body for /0."""
    size = int(scope["path"][1:])
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}
    if size:
        start["headers"] = [(b"content-length", b"%d" % size)]
    await send(start)
    if size:
        await send({"type": "http.response.body", "body": b"x" * size})
        return
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        _app, port=0, log_level="warning", ws="none", lifespan="off", http=PROTOCOL
    )
    with serve_in_thread(config) as port:
        yield port


def test_head_and_body_arrive_together(port: int) -> None:
    with connect(port) as connection:
        for _ in range(20):
            connection.sendall(REQUEST % (500, b""))
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert body == b"x" * 500


def test_everything_is_sent_before_the_connection_is_closed(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(REQUEST % (3_000_000, CLOSE))
        assert receive_all(connection).partition(b"\r\n\r\n")[2] == b"x" * 3_000_000


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    sizes = [1, 70_000, 2, 300_000, 3]
    with connect(port) as connection:
        connection.sendall(b"".join(REQUEST % (size, b"") for size in sizes) + REQUEST % (4, CLOSE))
        answers = receive_all(connection)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200 OK")[1:]]
    assert [len(body) for body in bodies] == [*sizes, 4]


def test_a_streamed_body_arrives_in_chunks(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(REQUEST % (0, CLOSE))
        assert receive_all(connection).endswith(b"4\r\npart\r\n" * PARTS + b"0\r\n\r\n")


def test_a_client_that_disconnects_does_not_affect_others(port: int) -> None:
    for _ in range(20):
        with connect(port) as connection:
            connection.sendall(REQUEST % (5_000_000, b""))
    with connect(port) as connection:
        connection.sendall(REQUEST % (5, CLOSE))
        assert receive_all(connection).endswith(b"xxxxx")
