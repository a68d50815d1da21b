"""A proxy in front of a fake or real server that makes faults."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Literal, Self

import httpx

from tests.support.meili.http.listener import CloseConnectionError, Listener, Request, Response

# Headers of one connection, which are not forwarded.
CONNECTION_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
)
FORWARD_TIMEOUT_SECONDS = 60.0
FaultKind = Literal["cut_before", "cut_after", "delay", "respond"]


@dataclass
class Fault:
    """A fault that affects matching requests.

    `cut_before` closes the connection without forwarding the request; `cut_after` forwards it and
    closes the connection after the server has responded; `delay` forwards it after `seconds`;
    `respond` sends a response with `status` instead. `times` is how often the fault happens, None
    for always. `method` and `path` (a regular expression that is searched in path and query)
    select the requests.
    """

    kind: FaultKind
    times: int | None = None
    method: str | None = None
    path: str = ""
    seconds: float = 0.0
    status: int = 503

    def matches(self, request: Request) -> bool:
        return (
            self.times != 0
            and self.method in (None, request.method)
            and re.search(self.path, request.target) is not None
        )


@dataclass
class ProxiedRequest:
    """A request and the status of its response; None if the connection was closed."""

    method: str
    target: str
    status: int | None = None


@dataclass
class FaultProxy:
    """Forwards requests to the server at `target`, except where a fault affects them.

    `requests` are all requests so far.
    """

    target: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[ProxiedRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=FORWARD_TIMEOUT_SECONDS)
        self._listener = Listener(self._handle)
        self._listener.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return self._listener.url

    def close(self) -> None:
        self._listener.run_in_loop(self._client.aclose())
        self._listener.close()

    def down(self) -> None:
        """Refuse connections and abort the open ones."""
        self._listener.down()

    def up(self) -> None:
        self._listener.up()

    def add_fault(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.faults.clear()

    def _next_fault(self, request: Request) -> Fault | None:
        fault = next((fault for fault in self.faults if fault.matches(request)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault

    async def _handle(self, request: Request) -> Response:
        proxied = ProxiedRequest(request.method, request.target)
        fault = self._next_fault(request)
        try:
            if fault is None:
                response = await self._forward(request)
            else:
                response = await self._apply_fault(fault, request)
            proxied.status = response.status
        finally:
            self.requests.append(proxied)
        return response

    async def _apply_fault(self, fault: Fault, request: Request) -> Response:
        if fault.kind == "cut_before":
            raise CloseConnectionError
        if fault.kind == "respond":
            body = f"<h1>{fault.status}</h1>".encode()
            return Response(fault.status, body, {"Content-Type": "text/html", "Retry-After": "1"})
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return await self._forward(request)
        await self._forward(request)
        raise CloseConnectionError

    async def _forward(self, request: Request) -> Response:
        headers = {k: v for k, v in request.headers.items() if k not in CONNECTION_HEADERS}
        forwarded = self._client.build_request(
            request.method,
            self.target + request.target,
            headers={"accept-encoding": "identity"} | headers,
            content=request.body,
        )
        try:
            response = await self._client.send(forwarded, stream=True)
            body = b"".join([chunk async for chunk in response.aiter_raw()])
        except httpx.TransportError:
            raise CloseConnectionError from None
        headers = {k: v for k, v in response.headers.items() if k.lower() not in CONNECTION_HEADERS}
        return Response(response.status_code, body, headers)
