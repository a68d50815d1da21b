"""Headers that every response has, compression, and the sending of a reply."""

import gzip
import re

from starlette.types import Scope, Send

from app.core.http.replies import NO_STORE, Headers, Reply

COMPRESS_FROM_BYTES = 1024
CLOSED_TO_BROWSERS = ("/v1/editing/", "/v1/imports", "/v1/exports")
ALLOWED_HEADERS = (
    b"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Quizwell-Min-Edition"
)
EXPOSED_HEADERS = b"ETag, Location, Quizwell-Edition, RateLimit, RateLimit-Policy, Retry-After"
SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'"),
]
# With CORS: pages of any origin may read the response.
CORS_HEADERS: Headers = [
    *SECURITY_HEADERS,
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED_HEADERS),
]
PREFLIGHT: Headers = [
    *CORS_HEADERS,
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, OPTIONS"),
    (b"access-control-allow-headers", ALLOWED_HEADERS),
    (b"access-control-max-age", b"86400"),
]
_GZIP_REFUSED = re.compile(rb"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def for_browsers(path: str) -> bool:
    """Return whether pages of any origin may read the responses of a path."""
    return path.startswith("/v1/") and not path.startswith(CLOSED_TO_BROWSERS)


def security_headers(path: str) -> Headers:
    """Return the headers that every response of a path has, with CORS where browsers may read."""
    return CORS_HEADERS if for_browsers(path) else SECURITY_HEADERS


def missing_headers(path: str, own: Headers) -> Headers:
    """Return the common headers that a response of the framework does not set itself.

    A response without Cache-Control gets `no-store`.
    """
    given = {name for name, _ in own}
    common = [*security_headers(path), (b"cache-control", NO_STORE)]
    return [header for header in common if header[0] not in given]


def compress(accept_encoding: bytes, reply: Reply) -> None:
    """Compress a long body with gzip if the client accepts it; its etag gets a suffix."""
    if len(reply.body) < COMPRESS_FROM_BYTES or reply.status != 200:
        return
    if b"gzip" not in accept_encoding or _GZIP_REFUSED.search(accept_encoding):
        return
    reply.body = gzip.compress(reply.body, 1, mtime=0)
    reply.headers = [
        (name, value[:-1] + b'-gzip"' if name == b"etag" else value)
        for name, value in reply.headers
    ]
    reply.headers.append((b"content-encoding", b"gzip"))


async def send_reply(scope: Scope, send: Send, reply: Reply) -> None:
    """Send a reply as ASGI messages, without its body for HEAD."""
    body = b"" if scope["method"] == "HEAD" else reply.body
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": body})
