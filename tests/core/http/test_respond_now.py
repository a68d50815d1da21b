"""Responses of `respond_now` have the same bytes as those that uvicorn writes itself."""

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

HEADERS = [(b"content-type", b"application/json"), (b"quizwell-edition", b"xyz")]
BROKEN_HEADER = [(b"location", b"/\r\nset-cookie: a=b")]
HUGE_SIZE = 30_000_000


class Application:
    """Responds with the status and size in the path; paths below /later are not fast."""

    def __init__(self) -> None:
        self.fast_paths: list[str] = []
        self.called_paths: list[str] = []
        self.states: list[dict[str, Any]] = []

    def respond_now(self, scope: Scope) -> RawResponse | None:
        self.fast_paths.append(scope["path"])
        if scope["path"].startswith("/broken"):
            raise RuntimeError
        if scope["path"].startswith("/later"):
            scope["state"]["is_started"] = True
            return None
        return _response(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called_paths.append(scope["path"])
        self.states.append(scope["state"])
        status, headers, body = _response(scope)
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Slow(Application):
    """Takes longer than the keep-alive timeout for responses that are not fast."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1.5)
        await super().__call__(scope, receive, send)


def _response(scope: Scope) -> RawResponse:
    parts = scope["path"].split("/")
    status, size = int(parts[-2]), int(parts[-1])
    if status == 500:
        return 500, [*BROKEN_HEADER, (b"content-length", b"%d" % size)], b"x" * size
    seen = b"%b %b" % (scope["raw_path"], scope["query_string"])
    headers = [*HEADERS, (b"seen", seen), (b"header-count", str(len(scope["headers"])).encode())]
    if status not in {204, 304}:
        headers.append((b"content-length", b"%d" % size))
    return status, headers, b"x" * size


@contextmanager
def _serve(application: Application, protocol: str = PROTOCOL, **options: Any) -> Iterator[int]:
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


def _receive_without_date(connection: socket.socket) -> bytes:
    return re.sub(rb"date: [^\r]+", b"date: now", receive_all(connection))


def _exchange(port: int, request: bytes) -> bytes:
    with connect(port) as connection:
        connection.sendall(request)
        return _receive_without_date(connection)


def _request(
    path: bytes, method: bytes = b"GET", version: bytes = b"1.1", close: bool = True
) -> bytes:
    ending = b"Connection: close\r\n" if close else b""
    return b"%b %b HTTP/%b\r\nHost: x\r\n%b\r\n" % (method, path, version, ending)


FAST_REQUESTS = [
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
UNUSUAL_REQUESTS = [
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
INVALID_REQUESTS = [
    _request(b"/200/\xc3\xa4"),
    _request(b"/200/5?\xc3\xa4"),
    _request(b"200/5"),
    b"GET /200/5 HTTP/1.1\r\nHost x\r\n\r\n",
    b"GET /200/5 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    _request(b"/200/5", close=False) + b"rubbish\r\n\r\n",
]


class ProtocolPair:
    """One application behind our protocol and behind uvicorn's own."""

    def __init__(self, own: Application, own_port: int, plain_port: int) -> None:
        self.own, self.own_port, self.plain_port = own, own_port, plain_port

    def check(self, request: bytes) -> bytes:
        """Return the response, which is the same from both."""
        self.own.fast_paths.clear()
        expected = _exchange(self.plain_port, request)
        assert _exchange(self.own_port, request) == expected
        return expected


@pytest.fixture(scope="module")
def pair() -> Iterator[ProtocolPair]:
    own, plain = Application(), Application()
    with _serve(own) as own_port, _serve(plain, "httptools") as plain_port:
        yield ProtocolPair(own, own_port, plain_port)
    assert not plain.fast_paths


@pytest.mark.parametrize("request_bytes", FAST_REQUESTS)
def test_a_fast_response_has_the_same_bytes(pair: ProtocolPair, request_bytes: bytes) -> None:
    assert pair.check(request_bytes).startswith(b"HTTP/1.1 ")
    assert pair.own.fast_paths


@pytest.mark.parametrize("request_bytes", UNUSUAL_REQUESTS)
def test_unusual_requests_are_left_to_uvicorn(pair: ProtocolPair, request_bytes: bytes) -> None:
    assert pair.check(request_bytes)
    assert not pair.own.fast_paths


@pytest.mark.parametrize("request_bytes", INVALID_REQUESTS)
def test_invalid_http_gets_a_problem_document(pair: ProtocolPair, request_bytes: bytes) -> None:
    response = _exchange(pair.own_port, request_bytes).rpartition(b"HTTP/1.1 ")[2]
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"400 ")
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert head.endswith(b"\r\nconnection: close")
    assert json.loads(body)["code"] == "malformed_request"


def test_the_application_is_called_with_the_same_scope_after_none(pair: ProtocolPair) -> None:
    pair.own.states.clear()
    pair.check(_request(b"/later/200/5"))
    assert pair.own.fast_paths == ["/later/200/5"]
    assert [state["is_started"] for state in pair.own.states] == [True]


def test_an_exception_in_respond_now_is_not_blamed_on_the_client(pair: ProtocolPair) -> None:
    assert pair.check(_request(b"/broken/200/5")).startswith(b"HTTP/1.1 200 ")
    assert pair.own.fast_paths == ["/broken/200/5"]


def test_only_the_first_request_of_a_pipeline_is_fast(pair: ProtocolPair) -> None:
    pair.own.called_paths.clear()
    request = b"".join(_request(b"/200/%d" % size, close=False) for size in range(1, 4))
    pair.check(request + _request(b"/200/4"))
    assert pair.own.fast_paths == ["/200/1"]
    assert pair.own.called_paths == ["/200/2", "/200/3", "/200/4"]


def test_each_request_of_a_keep_alive_connection_is_fast(pair: ProtocolPair) -> None:
    pair.own.fast_paths.clear()
    with connect(pair.own_port) as connection:
        for size in (5, 6, 7):
            request = _request(b"/200/%d" % size, close=False)
            # In two pieces, as the network may deliver it.
            connection.sendall(request[:20])
            time.sleep(0.01)
            connection.sendall(request[20:])
            assert connection.recv(65_536).endswith(b"\r\n\r\n" + b"x" * size)
    assert pair.own.fast_paths == ["/200/5", "/200/6", "/200/7"]


def test_a_client_that_does_not_read_gets_no_further_fast_response(pair: ProtocolPair) -> None:
    pair.own.fast_paths.clear()
    with connect(pair.own_port) as connection:
        connection.sendall(_request(b"/200/%d" % HUGE_SIZE, close=False))
        time.sleep(0.2)
        connection.sendall(_request(b"/200/6"))
        time.sleep(0.2)
        assert pair.own.fast_paths == [f"/200/{HUGE_SIZE}"]
        received = _receive_without_date(connection)
    assert len(received) > HUGE_SIZE
    assert received.endswith(b"\r\n\r\nxxxxxx")


def test_a_response_does_not_wait_for_the_body_of_a_get(pair: ProtocolPair) -> None:
    head = b"GET /200/5 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with connect(pair.own_port) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).endswith(b"xxxxx")


def test_a_line_break_in_a_header_is_never_sent(pair: ProtocolPair) -> None:
    response = pair.check(_request(b"/500/5"))
    assert b"set-cookie" not in response
    assert pair.own.fast_paths == ["/500/5"]


def test_an_idle_connection_is_closed_after_the_timeout() -> None:
    with (
        _serve(Application(), timeout_keep_alive=1) as port,
        connect(port) as connection,
    ):
        for path in (b"/200/5", b"/200/6", b"/later/200/7", b"/200/8"):
            connection.sendall(_request(path, close=False))
            assert connection.recv(65_536).endswith(b"x" * int(path[-1:]))
            time.sleep(0.6)
        began = time.monotonic()
        assert _receive_without_date(connection) == b""
        assert 0.1 < time.monotonic() - began < 5


def test_a_connection_is_not_idle_while_a_response_is_made() -> None:
    with (
        _serve(Slow(), timeout_keep_alive=1) as port,
        connect(port) as connection,
    ):
        connection.sendall(_request(b"/200/5", close=False))
        assert connection.recv(65_536).endswith(b"xxxxx")
        connection.sendall(_request(b"/later/200/6", close=False))
        assert connection.recv(65_536).endswith(b"xxxxxx")


@pytest.mark.parametrize(
    "options", [{"access_log": True}, {"root_path": "/api"}, {"limit_concurrency": 10}]
)
def test_options_of_uvicorn_turn_fast_responses_off(options: dict[str, Any]) -> None:
    application = Application()
    with _serve(application, **options) as port:
        assert _exchange(port, _request(b"/200/5")).endswith(b"xxxxx")
    assert not application.fast_paths
