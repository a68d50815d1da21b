"""Answers given at once are, byte for byte, what uvicorn writes from two messages."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.core.http.uvicorn_protocol import PROTOCOL, RawResponse
from tests.support.server_thread import connect, receive_all, serve_in_thread

DRESS = [(b"content-type", b"application/json"), (b"quizwell-edition", b"xyz")]
BROKEN = [(b"location", b"/\r\nset-cookie: a=b")]
HUGE = 30_000_000


class Application:
    """Answers with the status and as many bytes as the path says, below /later not at once."""

    def __init__(self) -> None:
        self.at_once_for: list[str] = []
        self.called_for: list[str] = []
        self.states: list[dict[str, Any]] = []

    def respond_now(self, scope: Scope) -> RawResponse | None:
        self.at_once_for.append(scope["path"])
        if scope["path"].startswith("/broken"):
            raise RuntimeError
        if scope["path"].startswith("/later"):
            scope["state"]["begun"] = True
            return None
        return _answer(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called_for.append(scope["path"])
        self.states.append(scope["state"])
        status, headers, body = _answer(scope)
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Slow(Application):
    """Takes longer than a connection may be idle for what is not answered at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1.5)
        await super().__call__(scope, receive, send)


def _answer(scope: Scope) -> RawResponse:
    parts = scope["path"].split("/")
    status, size = int(parts[-2]), int(parts[-1])
    if status == 500:
        return 500, [*BROKEN, (b"content-length", b"%d" % size)], b"x" * size
    seen = b"%b %b" % (scope["raw_path"], scope["query_string"])
    headers = [*DRESS, (b"seen", seen), (b"asked", str(len(scope["headers"])).encode())]
    if status not in {204, 304}:
        headers.append((b"content-length", b"%d" % size))
    return status, headers, b"x" * size


@contextmanager
def _served(application: Application, protocol: str = PROTOCOL, **options: Any) -> Iterator[int]:
    config = uvicorn.Config(
        application,
        port=0,
        log_level="critical",
        ws="none",
        lifespan="off",
        http=protocol,
        **({"access_log": False, "proxy_headers": False} | options),
    )
    with serve_in_thread(config) as port:
        yield port


def _rest(connection: socket.socket) -> bytes:
    return re.sub(rb"date: [^\r]+", b"date: now", receive_all(connection))


def _asked(port: int, request: bytes) -> bytes:
    with connect(port) as connection:
        connection.sendall(request)
        return _rest(connection)


def _request(
    path: bytes, method: bytes = b"GET", version: bytes = b"1.1", close: bool = True
) -> bytes:
    ending = b"Connection: close\r\n" if close else b""
    return b"%b %b HTTP/%b\r\nHost: x\r\n%b\r\n" % (method, path, version, ending)


AT_ONCE = [
    _request(b"/200/500"),
    _request(b"/200/0"),
    _request(b"/200/300000"),
    _request(b"/404/7"),
    _request(b"/304/0"),
    _request(b"/204/0"),
    _request(b"/200/5?"),
    _request(b"/200/5?a=%20b&c=?d"),
    _request(b"//200/5?a"),
    _request(b"/200/5", close=False) * 3 + _request(b"/200/6"),
    _request(b"/200/5", close=False) + _request(b"/404/6", b"HEAD"),
]
AS_EVER = [
    _request(b"/200/500", b"HEAD"),
    _request(b"/200/9", version=b"1.0", close=False),
    _request(b"/20%30/5?a"),
    _request(b"/200/5?a#b"),
    _request(b"/200/5#a?b"),
    _request(b"http://x/200/5?a"),
    b"POST /200/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
    b"GET /200/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
    b"GET /200/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
    b"GET /200/5 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n",
]
NO_HTTP = [
    _request(b"/200/\xc3\xa4"),
    _request(b"/200/5?\xc3\xa4"),
    _request(b"200/5"),
    b"GET /200/5 HTTP/1.1\r\nHost x\r\n\r\n",
    b"GET /200/5 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    _request(b"/200/5", close=False) + b"rubbish\r\n\r\n",
]


class Pair:
    """One application behind this protocol and behind uvicorn's own."""

    def __init__(self, own: Application, own_port: int, plain_port: int) -> None:
        self.own, self.own_port, self.plain_port = own, own_port, plain_port

    def check(self, request: bytes) -> bytes:
        """Return what both answer alike."""
        self.own.at_once_for.clear()
        expected = _asked(self.plain_port, request)
        assert _asked(self.own_port, request) == expected
        return expected


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    own, plain = Application(), Application()
    with _served(own) as own_port, _served(plain, "httptools") as plain_port:
        yield Pair(own, own_port, plain_port)
    assert not plain.at_once_for


@pytest.mark.parametrize("request_bytes", AT_ONCE)
def test_the_same_bytes_are_sent_at_once(pair: Pair, request_bytes: bytes) -> None:
    assert pair.check(request_bytes).startswith(b"HTTP/1.1 ")
    assert pair.own.at_once_for


@pytest.mark.parametrize("request_bytes", AS_EVER)
def test_what_is_unusual_is_left_to_uvicorn(pair: Pair, request_bytes: bytes) -> None:
    assert pair.check(request_bytes)
    assert not pair.own.at_once_for


@pytest.mark.parametrize("request_bytes", NO_HTTP)
def test_what_is_no_http_is_refused_by_a_problem_document(pair: Pair, request_bytes: bytes) -> None:
    refused = _asked(pair.own_port, request_bytes).rpartition(b"HTTP/1.1 ")[2]
    head, _, body = refused.partition(b"\r\n\r\n")
    assert head.startswith(b"400 ")
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert head.endswith(b"\r\nconnection: close")
    assert json.loads(body)["code"] == "malformed_request"


def test_what_cannot_be_answered_at_once_is_gone_on_with(pair: Pair) -> None:
    pair.own.states.clear()
    pair.check(_request(b"/later/200/5"))
    assert pair.own.at_once_for == ["/later/200/5"]
    assert [state["begun"] for state in pair.own.states] == [True]


def test_a_fault_at_once_is_not_taken_for_the_clients(pair: Pair) -> None:
    assert pair.check(_request(b"/broken/200/5")).startswith(b"HTTP/1.1 200 ")
    assert pair.own.at_once_for == ["/broken/200/5"]


def test_only_the_first_of_a_pipeline_is_answered_at_once(pair: Pair) -> None:
    pair.own.called_for.clear()
    request = b"".join(_request(b"/200/%d" % size, close=False) for size in range(1, 4))
    pair.check(request + _request(b"/200/4"))
    assert pair.own.at_once_for == ["/200/1"]
    assert pair.own.called_for == ["/200/2", "/200/3", "/200/4"]


def test_each_request_of_a_kept_connection_is_answered_at_once(pair: Pair) -> None:
    pair.own.at_once_for.clear()
    with connect(pair.own_port) as connection:
        for size in (5, 6, 7):
            request = _request(b"/200/%d" % size, close=False)
            # In two pieces, as a network may deliver it.
            connection.sendall(request[:20])
            time.sleep(0.01)
            connection.sendall(request[20:])
            assert connection.recv(65_536).endswith(b"\r\n\r\n" + b"x" * size)
    assert pair.own.at_once_for == ["/200/5", "/200/6", "/200/7"]


def test_who_does_not_read_is_waited_for(pair: Pair) -> None:
    pair.own.at_once_for.clear()
    with connect(pair.own_port) as connection:
        connection.sendall(_request(b"/200/%d" % HUGE, close=False))
        time.sleep(0.2)
        connection.sendall(_request(b"/200/6"))
        time.sleep(0.2)
        assert pair.own.at_once_for == [f"/200/{HUGE}"]
        answers = _rest(connection)
    assert len(answers) > HUGE
    assert answers.endswith(b"\r\n\r\nxxxxxx")


def test_an_answer_does_not_wait_for_a_body_that_is_yet_to_come(pair: Pair) -> None:
    head = b"GET /200/5 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with connect(pair.own_port) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).endswith(b"xxxxx")


def test_a_line_break_in_a_header_is_never_sent(pair: Pair) -> None:
    answer = pair.check(_request(b"/500/5"))
    assert b"set-cookie" not in answer
    assert pair.own.at_once_for == ["/500/5"]


def test_a_connection_is_closed_once_it_is_idle_for_long() -> None:
    with (
        _served(Application(), timeout_keep_alive=1) as port,
        connect(port) as connection,
    ):
        for path in (b"/200/5", b"/200/6", b"/later/200/7", b"/200/8"):
            connection.sendall(_request(path, close=False))
            assert connection.recv(65_536).endswith(b"x" * int(path[-1:]))
            time.sleep(0.6)
        began = time.monotonic()
        assert _rest(connection) == b""
        assert 0.1 < time.monotonic() - began < 5


def test_a_connection_is_kept_while_an_answer_is_made() -> None:
    with (
        _served(Slow(), timeout_keep_alive=1) as port,
        connect(port) as connection,
    ):
        connection.sendall(_request(b"/200/5", close=False))
        assert connection.recv(65_536).endswith(b"xxxxx")
        connection.sendall(_request(b"/later/200/6", close=False))
        assert connection.recv(65_536).endswith(b"xxxxxx")


@pytest.mark.parametrize(
    "options", [{"access_log": True}, {"root_path": "/api"}, {"limit_concurrency": 10}]
)
def test_what_only_uvicorn_knows_is_left_to_it(options: dict[str, Any]) -> None:
    application = Application()
    with _served(application, **options) as port:
        assert _asked(port, _request(b"/200/5")).endswith(b"xxxxx")
    assert not application.at_once_for
