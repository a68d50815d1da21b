"""A proxy that makes faults on the way to a server, be it the fake one or a real one."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Literal, Self

import httpx

from tests.support.meili.wire import Answer, HangUpError, Listener, Request

# What belongs to one connection and is not passed on.
OWN_HEADERS = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
PATIENCE = 60.0
Kind = Literal["cut_before", "cut_after", "delay", "answer"]


@dataclass
class Fault:
    """What happens to requests that fit.

    `cut_before` closes the connection and forwards nothing; `cut_after` forwards the request,
    waits until the server has answered and closes the connection; `delay` waits `seconds` before
    it forwards; `answer` answers `status` itself. `times` is how often, None until it is lifted;
    `method` and `path` (a regular expression, searched in path and query) choose the requests.
    """

    kind: Kind
    times: int | None = None
    method: str | None = None
    path: str = ""
    seconds: float = 0.0
    status: int = 503

    def fits(self, request: Request) -> bool:
        return (
            self.times != 0
            and self.method in (None, request.method)
            and re.search(self.path, request.target) is not None
        )


@dataclass
class Seen:
    """A request that went through, and what it was answered with; None: nothing."""

    method: str
    target: str
    status: int | None = None


@dataclass
class FaultProxy:
    """Forwards everything to `target`, but for the faults that it was told."""

    target: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=PATIENCE)
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
        self._listener.call(self._client.aclose())
        self._listener.close()

    def down(self) -> None:
        """Refuse connections and cut those that are open."""
        self._listener.down()

    def up(self) -> None:
        self._listener.up()

    def add(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def lift(self) -> None:
        """Forget all faults."""
        self.faults.clear()

    def await_seen(self, method: str, path: str, seconds: float = 10.0) -> Seen:
        """Wait for a request that fits to have gone through, and return the first."""
        deadline = time.monotonic() + seconds
        while True:
            for one in list(self.seen):
                if one.method == method and re.search(path, one.target):
                    return one
            assert time.monotonic() < deadline, f"no {method} {path} came"
            time.sleep(0.002)

    def _fault(self, request: Request) -> Fault | None:
        fault = next((fault for fault in self.faults if fault.fits(request)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault

    async def _handle(self, request: Request) -> Answer:
        seen = Seen(request.method, request.target)
        fault = self._fault(request)
        try:
            if fault is None:
                answer = await self._forward(request)
            else:
                answer = await self._misbehave(fault, request)
            seen.status = answer.status
        finally:
            self.seen.append(seen)
        return answer

    async def _misbehave(self, fault: Fault, request: Request) -> Answer:
        if fault.kind == "cut_before":
            raise HangUpError
        if fault.kind == "answer":
            body = f"<h1>{fault.status}</h1>".encode()
            return Answer(fault.status, body, {"Content-Type": "text/html", "Retry-After": "1"})
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return await self._forward(request)
        await self._forward(request)
        raise HangUpError

    async def _forward(self, request: Request) -> Answer:
        headers = {k: v for k, v in request.headers.items() if k not in OWN_HEADERS}
        forwarded = self._client.build_request(
            request.method,
            self.target + request.target,
            headers={"accept-encoding": "identity"} | headers,
            content=request.body,
        )
        try:
            answer = await self._client.send(forwarded, stream=True)
            body = b"".join([chunk async for chunk in answer.aiter_raw()])
        except httpx.TransportError:
            raise HangUpError from None
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in OWN_HEADERS}
        return Answer(answer.status_code, body, kept)
