"""Requests that the headers show to be invalid are refused before their bodies are read."""

import http.client
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.routing import iter_route_contexts

from app.core.http.route_requirements import Requirements
from app.documentation import build
from app.main import create_framework
from tests.support.serving import Service

FRAMEWORK = create_framework()
PATHS: dict[str, Any] = build(FRAMEWORK)["paths"]
AN_ID = "01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f"
GIGABYTE = 10**9


def _operations() -> Iterator[tuple[str, str, str]]:
    for path, methods in PATHS.items():
        for method, operation in methods.items():
            filled = path
            for parameter in operation.get("parameters", []):
                value = "1" if parameter["schema"].get("type") == "integer" else AN_ID
                filled = filled.replace(f"{{{parameter['name']}}}", value)
            yield method.upper(), filled, operation["x-scope"]


def test_the_edge_knows_the_scope_of_every_operation() -> None:
    routes = [context.original_route for context in iter_route_contexts(FRAMEWORK.routes)]
    requirements = Requirements(routes)
    for method, path, scope in _operations():
        found = requirements.find(method, path)
        assert found is not None, (method, path)
        assert (found.scope or "none") == scope


@pytest.mark.parametrize(
    ("method", "path"),
    sorted((method, path) for method, path, scope in _operations() if scope != "none"),
)
def test_a_route_that_needs_a_key_refuses_anonymous_callers(
    method: str, path: str, shared: Service
) -> None:
    response = shared.anonymous.request(method, path)
    assert (response.status_code, response.json()["code"]) == (401, "key_required")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "multipart/form-data; boundary=b"}, 401),
        ({"Content-Type": "multipart/form-data; boundary=b", "Authorization": "Bearer x"}, 401),
    ],
)
def test_a_gigabyte_without_a_key_is_not_received(
    headers: dict[str, str], status: int, shared: Service
) -> None:
    address = urlsplit(shared.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        head = (
            f"POST /v1/imports?bank=science HTTP/1.1\r\nHost: x\r\nContent-Length: {GIGABYTE}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        connection.sendall(head.encode())
        connection.settimeout(5)
        sent = 0
        try:
            while sent < GIGABYTE:
                sent += connection.send(b"x" * 65_536)
                connection.setblocking(False)
                try:
                    if connection.recv(12, socket.MSG_PEEK):
                        break
                except BlockingIOError:
                    pass
                finally:
                    connection.settimeout(5)
        except (ConnectionError, TimeoutError):
            pass
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == status
    assert sent < 64 * 1024 * 1024


def test_a_body_of_another_type_or_size_is_refused(shared: Service) -> None:
    wrong_type = shared.admin.post(
        "/v1/editing/banks", content=b"a=b", headers={"Content-Type": "text/x"}
    )
    assert (wrong_type.status_code, wrong_type.json()["code"]) == (415, "unsupported_media_type")
    compressed = shared.admin.post(
        "/v1/editing/banks",
        content=b"{}",
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    assert (compressed.status_code, compressed.json()["code"]) == (415, "unsupported_media_type")
    large = shared.admin.post(
        "/v1/editing/banks", content=b" " * 1_000_001, headers={"Content-Type": "application/json"}
    )
    assert (large.status_code, large.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": NaN}',
        b"\xff",
        b'{"slug": "\\u0000"}',
        b"[" * 30 + b"]" * 30,
        b'{"name": "\\ud800"}',
    ],
)
def test_invalid_json_is_refused(body: bytes, shared: Service) -> None:
    response = shared.admin.post(
        "/v1/editing/banks", content=body, headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")


def test_unknown_paths_and_methods_get_problem_documents(shared: Service) -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/questions/nothing"):
        response = shared.anonymous.get(path)
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"
    wrong = shared.anonymous.delete("/v1/editing/banks")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/v1/questions", "/v1/facets", "/v1/quizzes", "/healthz"])
def test_head_answers_as_get_without_a_body(path: str, shared: Service) -> None:
    get, head = shared.anonymous.get(path), shared.anonymous.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    dropped = {"date", "content-encoding", "content-length", "ratelimit"}
    assert {name: value for name, value in get.headers.items() if name not in dropped} == {
        name: value for name, value in head.headers.items() if name not in dropped
    }


def test_browsers_may_read_but_not_edit(shared: Service) -> None:
    headers = {"Origin": "https://portal.example", "Access-Control-Request-Method": "GET"}
    preflight = shared.anonymous.options("/v1/questions/random", headers=headers)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    for path, allowed in {
        "/v1/questions": True,
        "/v1/questions?nope=1": True,
        "/v1/editing/questions": False,
        "/v1/exports": False,
    }.items():
        response = shared.anonymous.get(path, headers={"Origin": "https://portal.example"})
        assert ("Access-Control-Allow-Origin" in response.headers) == allowed, path
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_header_that_is_not_utf8_is_named_in_the_refusal(shared: Service) -> None:
    bank = {"slug": "odd", "name": "Odd"}
    shared.expect(shared.admin.post("/v1/editing/banks", json=bank), 201)
    file = {"file": ("rows.csv", "stem,größe\n".encode("latin-1"))}
    response = shared.admin.post("/v1/imports?bank=odd", files=file)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert response.json()["errors"][0]["pointer"] == "/file/gr??e"
    assert shared.admin.delete("/v1/editing/banks/odd").status_code == 204


def test_a_preflight_response_has_the_security_headers(shared: Service) -> None:
    response = shared.anonymous.options("/v1/questions", headers={"Origin": "https://a.example"})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"
    assert "Content-Length" not in response.headers


def test_a_client_that_refuses_gzip_gets_none(shared: Service) -> None:
    for refusing in ("gzip;q=0", "br, gzip; q=0.000, *", "identity"):
        response = shared.anonymous.get("/v1/facets", headers={"Accept-Encoding": refusing})
        assert "Content-Encoding" not in response.headers
        assert not response.headers["ETag"].endswith('-gzip"')
