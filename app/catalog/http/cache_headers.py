"""How an answer made from public things may be kept: entity tags, 304, Cache-Control, Vary."""

from app.access.rights import Caller
from app.core.http.replies import (
    JSON,
    NO_STORE,
    PRIVATE,
    PUBLIC,
    VARY,
    Headers,
    Reply,
    etag_matches,
    etag_of,
)

_TYPE = (b"content-type", JSON)
_CONTROLS = {kind: (b"cache-control", kind) for kind in (NO_STORE, PUBLIC, PRIVATE)}


def reading_reply(  # noqa: PLR0913 - each tells one thing of the answer
    body: bytes,
    caller: Caller,
    headers: dict[bytes, bytes],
    *,
    public: bool,
    storable: bool = True,
    etag: bytes | None = None,
) -> Reply:
    """Return a JSON body as 200, or as 304 where the client has it already.

    `public` tells that shared caches may keep it when nobody's key was sent, `storable` that
    anyone may keep it at all; `etag` spares hashing a body whose tag is known.
    """
    if not storable:
        return Reply(200, body, [_TYPE, _CONTROLS[NO_STORE]])
    control = _CONTROLS[PUBLIC if public and caller.key_id is None else PRIVATE]
    etag = etag or etag_of(body)
    kept: Headers = [(b"etag", etag), control, VARY]
    wanted = headers.get(b"if-none-match")
    if wanted is not None and etag_matches(wanted, etag):
        return Reply(304, b"", kept)
    return Reply(200, body, [_TYPE, *kept])
