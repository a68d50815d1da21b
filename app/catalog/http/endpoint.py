"""What the routes of delivery have in common: they remember their answers for an edition."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.access.rights import Caller, View
from app.catalog.bodies.composer import Composed
from app.catalog.http.cache_headers import reading_reply
from app.catalog.index.memo import Memo
from app.catalog.service import Catalog, Reading
from app.core.http.replies import Reply, etag_of

KEPT_ENTRIES = 4096
KEPT_BYTES = 16 * 1024 * 1024
# A longer answer would push out too many others.
KEPT_LENGTH = 256 * 1024

Headers = dict[bytes, bytes]
Kept = Memo[tuple[str, bytes, View], tuple[bytes, bytes]]


def make_kept() -> Kept:
    """Return the memory that the endpoints of one worker share."""
    return Memo(KEPT_ENTRIES, KEPT_BYTES)


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of an answer, and what was read for it."""

    data: bytes
    reading: Reading | None = None


class Endpoint(ABC):
    """One GET route, called by the door and by the framework alike."""

    def __init__(self, name: str, catalog: Catalog, kept: Kept) -> None:
        """Answer from `catalog`, remember in `kept` under `name`."""
        self._name = name
        self._catalog = catalog
        self._kept = kept

    @abstractmethod
    def make(self, query: bytes, caller: Caller) -> Body | Awaitable[Body]:
        """Return what the query asks for; the Problem that is wrong with it."""

    def __call__(self, query: bytes, caller: Caller, headers: Headers) -> Reply | Awaitable[Reply]:
        """Answer one request."""
        mark = self._catalog.mark
        key = (self._name, query, self._catalog.rights.view(caller))
        kept = self._kept.get(mark, key)
        if kept is not None:
            return reading_reply(kept[0], caller, headers, public=True, etag=kept[1])
        made = self.make(query, caller)
        if isinstance(made, Body):
            return self._reply(made, caller, headers, mark, key)
        return self._later(made, caller, headers, mark, key)

    async def _later(
        self,
        making: Awaitable[Body],
        caller: Caller,
        headers: Headers,
        mark: object,
        key: tuple[str, bytes, View],
    ) -> Reply:
        return self._reply(await making, caller, headers, mark, key)

    def _reply(
        self,
        body: Body,
        caller: Caller,
        headers: Headers,
        mark: object,
        key: tuple[str, bytes, View],
    ) -> Reply:
        reading = body.reading
        if reading is not None and self._catalog.is_secret(reading):
            return reading_reply(body.data, caller, headers, public=False, storable=False)
        etag = etag_of(body.data)
        # What holds answers is read anew each time, under the right of that very request.
        keeps = reading is None or reading.right is None
        if keeps and len(body.data) <= KEPT_LENGTH and mark is self._catalog.mark:
            self._kept.put(mark, key, (body.data, etag), len(body.data))
        return reading_reply(body.data, caller, headers, public=True, etag=etag)


def finished(
    composed: Composed | Awaitable[Composed], finish: Callable[[Composed], Body]
) -> Body | Awaitable[Body]:
    """Return the body made of composed questions, at once where they are there."""
    if isinstance(composed, Composed):
        return finish(composed)
    return _finished_later(composed, finish)


async def _finished_later(
    composed: Awaitable[Composed], finish: Callable[[Composed], Body]
) -> Body:
    return finish(await composed)


def quoted(text: str | None) -> bytes:
    """Return a token as JSON; tokens hold nothing that JSON would escape."""
    return b"null" if text is None else b'"' + text.encode() + b'"'
