"""The edge: an exception becomes one problem document without its cause."""

import gc
import io
import logging
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.core.http.edge import Edge
from app.core.http.edge_protocols import Handler
from app.core.http.exception_handlers import install_handlers
from app.core.http.replies import Headers, Reply
from app.core.http.request_context import RequestContext
from app.core.http.route_requirements import Requirements
from app.core.log_config import TextFormatter
from app.core.metrics import Metrics


class Anyone:
    """Admits everyone without a budget, knows one edition and one fast route."""

    headers: ClassVar[Headers] = []

    def admit(self, scope: Any, headers: dict[bytes, bytes]) -> tuple[Any, "Anyone"]:
        return None, self

    def authenticate(self, headers: dict[bytes, bytes]) -> Any:
        return None

    def charge_time(self, scope: Any, caller: Any, seconds: float) -> None:
        raise AssertionError

    def current(self) -> bytes:
        return b"edition"

    def seal(self, mark: Mark) -> bytes:
        raise AssertionError

    def loaded(self) -> bool:
        return True

    async def wait_for(self, edition: str) -> None:
        raise AssertionError

    async def refresh_config(self) -> None:
        pass

    def find(self, path: str) -> tuple[str, Handler, bool] | None:
        if path != "/v1/fast":
            return None
        return path, lambda _query, _caller, _headers: Reply(200, b"fast"), False


class RevokedMeanwhile(Anyone):
    """Another request loads the revocation of a key after this one was admitted."""

    def authenticate(self, headers: dict[bytes, bytes]) -> Any:
        message = "The key was revoked."
        raise Problem("invalid_key", message)


class CreatedMeanwhile(Anyone):
    """Another request loads a new key after this one was refused."""

    def __init__(self) -> None:
        self.attempts = 0

    def admit(self, scope: Any, headers: dict[bytes, bytes]) -> tuple[Any, Anyone]:
        self.attempts += 1
        if self.attempts == 1:
            message = "The key is unknown."
            raise Problem("invalid_key", message)
        return None, self


@pytest.fixture
def edge() -> Edge:
    return make_edge(Anyone())


def make_edge(anyone: Anyone) -> Edge:
    framework = FastAPI()
    install_handlers(framework)

    @framework.get("/v1/broken")
    async def get_broken() -> None:
        message = "the secret cause"
        raise RuntimeError(message)

    @framework.get("/v1/halfway")
    async def get_halfway() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            message = "the secret cause"
            raise RuntimeError(message)

        return StreamingResponse(parts())

    return Edge(
        framework,
        admission=anyone,
        fast_routes=anyone,
        editions=anyone,
        requirements=Requirements([]),
        metrics=Metrics(),
    )


async def _get(edge: Edge, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        return await client.get(path)


@pytest.mark.anyio
async def test_a_failure_is_one_problem_document(edge: Edge) -> None:
    answer = await _get(edge, "/v1/broken")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Quizwell-Edition"] == "edition"
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text


@pytest.mark.anyio
async def test_the_log_names_the_request_of_the_problem_document(edge: Edge) -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(TextFormatter())
    logging.getLogger("app").addHandler(handler)
    try:
        answer = await _get(edge, "/v1/broken")
    finally:
        logging.getLogger("app").removeHandler(handler)
    assert f"[{answer.json()['request_id']}] the request failed" in lines.getvalue()


@pytest.mark.anyio
async def test_a_key_that_is_revoked_after_admission_is_refused() -> None:
    response = await _get(make_edge(RevokedMeanwhile()), "/v1/broken")
    assert (response.status_code, response.json()["code"]) == (401, "invalid_key")


@pytest.mark.anyio
async def test_a_key_that_is_created_after_it_was_refused_is_admitted() -> None:
    edge = make_edge(CreatedMeanwhile())
    response = await _get(edge, "/v1/fast")
    assert (response.status_code, response.content) == (200, b"fast")


@pytest.mark.anyio
async def test_a_failure_within_a_response_breaks_the_connection(edge: Edge) -> None:
    with pytest.raises(RuntimeError, match="the secret cause"):
        await _get(edge, "/v1/halfway")


def test_a_response_from_memory_leaves_nothing_to_the_garbage_collector(edge: Edge) -> None:
    scope = {"type": "http", "method": "GET", "path": "/v1/fast", "headers": []}
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        assert edge.respond_now(scope | {"query_string": b"", "state": {}}) is not None
        gc.collect()
        contexts = [each for each in gc.garbage if isinstance(each, RequestContext)]
        assert "/v1/fast" not in [context.path for context in contexts]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
