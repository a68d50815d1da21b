"""Answers given as a whole are, byte for byte, what uvicorn writes from two messages."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from app.core.corking import PROTOCOL
from app.core.dressing import send_reply
from app.core.edge import Receive, Scope, Send
from app.core.replies import Reply
from tests.support.running import running

DRESS = [(b"etag", b'"abc"'), (b"quizwell-edition", b"xyz")]
OFFERED: list[bool] = []


async def _app(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with the status and as many bytes as the path says."""
    _, status, size = scope["path"].split("/")
    OFFERED.append("quizwell.whole" in scope.get("extensions", {}))
    headers = [(b"content-type", b"application/json")]
    if status == "500":
        headers = [(b"location", b"/\r\nset-cookie: a=b")]
    await send_reply(scope, send, Reply(int(status), b"x" * int(size), headers), list(DRESS))


@contextmanager
def _served(protocol: str, *, access_log: bool = False) -> Iterator[int]:
    config = uvicorn.Config(
        _app,
        port=0,
        log_level="critical",
        ws="none",
        lifespan="off",
        http=protocol,
        access_log=access_log,
    )
    with running(config) as port:
        yield port


def _asked(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return re.sub(rb"date: [^\r]+", b"date: now", received)


def _request(method: bytes, path: bytes, version: bytes = b"1.1", close: bool = True) -> bytes:
    ending = b"Connection: close\r\n" if close else b""
    return b"%b %b HTTP/%b\r\nHost: x\r\n%b\r\n" % (method, path, version, ending)


REQUESTS = [
    _request(b"GET", b"/200/500"),
    _request(b"GET", b"/200/0"),
    _request(b"GET", b"/200/300000"),
    _request(b"HEAD", b"/200/500"),
    _request(b"GET", b"/404/7"),
    _request(b"GET", b"/304/0"),
    _request(b"GET", b"/204/0"),
    _request(b"GET", b"/200/9", b"1.0", close=False),
    _request(b"GET", b"/200/5", close=False) * 3 + _request(b"GET", b"/200/6"),
    _request(b"GET", b"/200/5", close=False) + _request(b"HEAD", b"/404/6"),
]


@pytest.fixture(scope="module")
def whole() -> Iterator[int]:
    with _served(PROTOCOL) as port:
        yield port


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    with _served("httptools") as port:
        yield port


@pytest.mark.parametrize("request_bytes", REQUESTS)
def test_the_same_bytes_are_sent(whole: int, plain: int, request_bytes: bytes) -> None:
    OFFERED.clear()
    expected = _asked(plain, request_bytes)
    assert expected.startswith(b"HTTP/1.1 ")
    assert not any(OFFERED)
    OFFERED.clear()
    assert _asked(whole, request_bytes) == expected
    assert all(OFFERED)


def test_a_line_break_in_a_header_is_never_sent(whole: int) -> None:
    assert b"set-cookie" not in _asked(whole, _request(b"GET", b"/500/5"))


def test_an_access_log_is_written_by_uvicorn_itself() -> None:
    OFFERED.clear()
    with _served(PROTOCOL, access_log=True) as port:
        assert _asked(port, _request(b"GET", b"/200/5")).endswith(b"xxxxx")
    assert OFFERED == [False]
