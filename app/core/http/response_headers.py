"""What every answer wears: safe headers, what pages may read, compression, its length."""

import gzip
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.core.http.replies import NO_STORE, Headers, Reply

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

COMPRESS_FROM = 1024
CLOSED_TO_BROWSERS = ("/v1/editing/", "/v1/imports", "/v1/exports")
ALLOWED_HEADERS = (
    b"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Quizwell-Min-Edition"
)
EXPOSED_HEADERS = b"ETag, Location, Quizwell-Edition, RateLimit, RateLimit-Policy, Retry-After"
SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'"),
]
OPEN: Headers = [
    *SAFE,
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED_HEADERS),
]
PREFLIGHT: Headers = [
    *OPEN,
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, OPTIONS"),
    (b"access-control-allow-headers", ALLOWED_HEADERS),
    (b"access-control-max-age", b"86400"),
]
_REFUSED = re.compile(rb"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def for_browsers(path: str) -> bool:
    """Return whether pages of any origin may read what a path answers."""
    return path.startswith("/v1/") and not path.startswith(CLOSED_TO_BROWSERS)


def manners(path: str) -> Headers:
    """Return the headers of every answer of a path, beside its own."""
    return OPEN if for_browsers(path) else SAFE


def missing_manners(path: str, own: Headers) -> Headers:
    """Return those that are not among an answer's own; nobody keeps one that does not say so."""
    given = {name for name, _ in own}
    asked = [*manners(path), (b"cache-control", NO_STORE)]
    return [header for header in asked if header[0] not in given]


def compress(accepted: bytes, reply: Reply) -> None:
    """Compress a body where it pays and the Accept-Encoding header allows it."""
    if len(reply.body) < COMPRESS_FROM or reply.status != 200:
        return
    if b"gzip" not in accepted or _REFUSED.search(accepted):
        return
    reply.body = gzip.compress(reply.body, 1, mtime=0)
    reply.headers = [
        (name, value[:-1] + b'-gzip"' if name == b"etag" else value)
        for name, value in reply.headers
    ]
    reply.headers.append((b"content-encoding", b"gzip"))


async def send_reply(scope: Scope, send: Send, reply: Reply) -> None:
    """Send an answer."""
    body = b"" if scope["method"] == "HEAD" else reply.body
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": body})
