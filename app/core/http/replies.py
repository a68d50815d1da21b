"""A finished HTTP response in bytes, and helpers to make one."""

from dataclasses import dataclass, field

import orjson
import xxhash
from starlette.responses import Response

from app.core import time_and_random
from app.core.errors import Problem

JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"
NO_STORE = b"no-store"
PUBLIC = b"public, max-age=60"
PRIVATE = b"private, no-cache"
VARY = (b"vary", b"Authorization, Accept-Encoding, Quizwell-Min-Edition")

REQUEST_ID_BYTES = 8

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Reply:
    """A response: status, body and its own headers (names in lower case)."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)


def json_reply(value: object, status: int = 200, headers: Headers | None = None) -> Reply:
    """Return `value` as compact JSON."""
    return Reply(status, orjson.dumps(value), [(b"content-type", JSON), *(headers or [])])


def new_request_id() -> str:
    """Return a new id for a request, which its problem document and the log share."""
    return time_and_random.random_bytes(REQUEST_ID_BYTES).hex()


def problem_reply(problem: Problem, request_id: str) -> Reply:
    """Return a problem document, which may not be cached."""
    headers: Headers = [(b"content-type", PROBLEM_JSON), (b"cache-control", NO_STORE)]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    return Reply(problem.status, orjson.dumps(problem.document(request_id)), headers)


def reply_response(reply: Reply) -> Response:
    """Return the reply as a Starlette response, byte for byte."""
    response = Response(reply.body, reply.status)
    length = (b"content-length", b"%d" % len(reply.body))
    response.raw_headers = reply.headers if reply.status == 304 else [length, *reply.headers]
    return response


def etag_of(body: bytes) -> bytes:
    """Return the strong entity tag of a body (XXH3, 128 bits), quoted."""
    return b'"%b"' % xxhash.xxh3_128_hexdigest(body).encode()


def etag_matches(header: bytes | None, etag: bytes) -> bool:
    """Return whether an If-None-Match header names the tag, compressed or not."""
    if not header:
        return False
    if header.strip() == b"*":
        return True
    plain = header.replace(b'-gzip"', b'"').replace(b"W/", b"")
    return etag in (part.strip() for part in plain.split(b","))
