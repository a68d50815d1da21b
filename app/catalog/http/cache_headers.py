"""Responses with cache headers: entity tag, 304, Cache-Control and Vary."""

from app.access.rights import Caller
from app.core.http.replies import JSON, NO_STORE, PRIVATE, PUBLIC, VARY, Reply, etag_matches

_CONTENT_TYPE = (b"content-type", JSON)
_NO_STORE = (b"cache-control", NO_STORE)
_PUBLIC = (b"cache-control", PUBLIC)
_PRIVATE = (b"cache-control", PRIVATE)


def cacheable_reply(body: bytes, etag: bytes, caller: Caller, headers: dict[bytes, bytes]) -> Reply:
    """Return a JSON body as 200, or 304 where If-None-Match names its entity tag.

    Shared caches may store the response only if the request came without a key.
    """
    control = _PUBLIC if caller.key_id is None else _PRIVATE
    cache_headers = [(b"etag", etag), control, VARY]
    if_none_match = headers.get(b"if-none-match")
    if if_none_match is not None and etag_matches(if_none_match, etag):
        return Reply(304, b"", cache_headers)
    return Reply(200, body, [_CONTENT_TYPE, *cache_headers])


def no_store_reply(body: bytes) -> Reply:
    """Return a JSON body that neither a client nor a proxy may store."""
    return Reply(200, body, [_CONTENT_TYPE, _NO_STORE])
