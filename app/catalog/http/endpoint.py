"""The base class of delivery routes: looks in the cache, builds the body, adds cache headers.

The edge finds the endpoint of a GET path in `FastRoutes` and calls it. The endpoint

1. looks for the response in the response cache, under route, query string and reading rights;
   a cached response is valid for one edition, that is for one `mark` object of the catalog;
2. otherwise calls `make`, which parses the query and returns a `ResponseBody`: immediately if all
   the questions are in memory, else as an awaitable that reads them in a thread;
3. stores the response in the cache if the body allows it;
4. replies with an entity tag and cache headers, or with 304, or with `no-store`.

A subclass implements `make`, and overrides `cache_key` if its responses are not all cached.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from app.access.rights import Caller, View
from app.catalog.bodies.composer import ComposedQuestions
from app.catalog.http.fast_routes import ReplyOrAwaitable, RequestHeaders
from app.catalog.index.memo import Memo
from app.catalog.service import Catalog, ReadAccess
from app.core.db.edition_clock import Mark
from app.core.http.replies import (
    JSON,
    NO_STORE,
    PRIVATE,
    PUBLIC,
    VARY,
    Reply,
    etag_matches,
    etag_of,
)

MAX_CACHED_RESPONSES = 4_096
MAX_CACHE_BYTES = 16 * 1024 * 1024
# A longer body would evict too many others.
MAX_CACHED_BODY_BYTES = 256 * 1024

_CONTENT_TYPE = (b"content-type", JSON)
_NO_STORE = (b"cache-control", NO_STORE)
_PUBLIC = (b"cache-control", PUBLIC)
_PRIVATE = (b"cache-control", PRIVATE)

CacheKey = tuple[str, bytes, View]
CachedResponse = tuple[bytes, bytes]


class ResponseCache(Memo[CacheKey, CachedResponse]):
    """Bodies and entity tags of responses, by route, query and rights, for the current edition.

    Endpoints of one worker may share it. The least recently used response is evicted first.
    """

    __slots__ = ("_requested",)

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(MAX_CACHED_RESPONSES, MAX_CACHE_BYTES)
        # Hashes of keys that were requested once; see `Endpoint.CACHED_FROM_SECOND_REQUEST`.
        self._requested: set[int] = set()

    def was_requested(self, key: CacheKey) -> bool:
        """Return whether this was called with the same key recently."""
        hashed = hash(key)
        if hashed in self._requested:
            return True
        if len(self._requested) == MAX_CACHED_RESPONSES:
            self._requested.clear()
        self._requested.add(hashed)
        return False


@dataclass(slots=True)
class ReadRequest:
    """One GET request.

    `mark` is the edition at the time of the request, `segment` the value of the path parameter.
    """

    query: bytes
    caller: Caller
    headers: RequestHeaders
    mark: Mark
    segment: str


@dataclass(slots=True)
class ResponseBody:
    """A JSON body. `access` is None if it contains no questions.

    `storable` is False if the next response to the same request will differ: clients may not store
    it. `cacheable` is False if clients may store the response but this worker may not cache it.
    """

    data: bytes
    access: ReadAccess | None = None
    storable: bool = True
    cacheable: bool = True


class Endpoint(ABC):
    """One GET route of delivery."""

    # If True, a response is cached when it is requested for the second time. For routes where most
    # requests come only once, and would evict responses that are requested often.
    CACHED_FROM_SECOND_REQUEST: ClassVar[bool] = False

    def __init__(self, name: str, catalog: Catalog, cache: ResponseCache | None = None) -> None:
        """Serve the route `name` from `catalog`; `cache` may be shared with other endpoints."""
        self._name = name
        self._catalog = catalog
        self._cache = ResponseCache() if cache is None else cache

    @abstractmethod
    def make(self, request: ReadRequest) -> ResponseBody | Awaitable[ResponseBody]:
        """Return the response body; raise the Problem if the request is not valid."""

    def cache_key(self, query: bytes, caller: Caller) -> CacheKey | None:
        """Return what the response is cached under; None if it is not cached.

        Callers with the same rights share responses. A path parameter is not part of the key.
        """
        return self._name, query, self._catalog.rights.view(caller)

    def __call__(
        self, query: bytes, caller: Caller, headers: RequestHeaders, segment: str = ""
    ) -> ReplyOrAwaitable:
        """Answer one request."""
        mark = self._catalog.mark
        key = self.cache_key(query, caller)
        cached = None if key is None else self._cache.get(mark, key)
        if cached is not None:
            body, etag = cached
            return _cacheable_reply(body, etag, caller, headers)
        request = ReadRequest(query, caller, headers, mark, segment)
        made = self.make(request)
        if isinstance(made, ResponseBody):
            return self._reply(request, key, made)
        return self._reply_later(request, key, made)

    async def _reply_later(
        self, request: ReadRequest, key: CacheKey | None, body: Awaitable[ResponseBody]
    ) -> Reply:
        return self._reply(request, key, await body)

    def _reply(self, request: ReadRequest, key: CacheKey | None, body: ResponseBody) -> Reply:
        access = body.access
        if not body.storable or (
            access is not None and self._catalog.has_restricted_answers(access)
        ):
            return Reply(200, body.data, [_CONTENT_TYPE, _NO_STORE])
        etag = etag_of(body.data)
        if key is not None and self._may_cache(request, body) and self._is_admitted(key):
            self._cache.put(request.mark, key, (body.data, etag), len(body.data))
        return _cacheable_reply(body.data, etag, request.caller, request.headers)

    def _may_cache(self, request: ReadRequest, body: ResponseBody) -> bool:
        return (
            body.cacheable
            and len(body.data) <= MAX_CACHED_BODY_BYTES
            # Responses with answers are never cached: the right to them is checked each time.
            and (body.access is None or body.access.right is None)
            # The catalog may have moved to another edition while the body was made.
            and request.mark is self._catalog.mark
        )

    def _is_admitted(self, key: CacheKey) -> bool:
        return not self.CACHED_FROM_SECOND_REQUEST or self._cache.was_requested(key)


def _cacheable_reply(body: bytes, etag: bytes, caller: Caller, headers: RequestHeaders) -> Reply:
    """Return 200, or 304 if If-None-Match names the entity tag.

    Shared caches may store the response only if the request came without a key.
    """
    control = _PUBLIC if caller.key_id is None else _PRIVATE
    cache_headers = [(b"etag", etag), control, VARY]
    if_none_match = headers.get(b"if-none-match")
    if if_none_match is not None and etag_matches(if_none_match, etag):
        return Reply(304, b"", cache_headers)
    return Reply(200, body, [_CONTENT_TYPE, *cache_headers])


def when_composed(
    composed: ComposedQuestions | Awaitable[ComposedQuestions],
    make_body: Callable[[ComposedQuestions], ResponseBody],
) -> ResponseBody | Awaitable[ResponseBody]:
    """Return the body that is made of composed questions, immediately if they are in memory."""
    if isinstance(composed, ComposedQuestions):
        return make_body(composed)
    return _when_composed(composed, make_body)


async def _when_composed(
    composed: Awaitable[ComposedQuestions], make_body: Callable[[ComposedQuestions], ResponseBody]
) -> ResponseBody:
    return make_body(await composed)


def json_token(token: str | None) -> bytes:
    """Return a sealed token as JSON; tokens contain no character that JSON escapes."""
    return b"null" if token is None else b'"' + token.encode() + b'"'
