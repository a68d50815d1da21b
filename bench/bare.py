"""The first baseline: an ASGI application that sends a constant body of BENCH_BYTES bytes."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

BODY = b"x" * int(os.environ.get("BENCH_BYTES", "1000"))
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
]

Message = MutableMapping[str, Any]


async def app(
    scope: MutableMapping[str, Any],
    _receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Send the same response to every request."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
