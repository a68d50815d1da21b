"""Refuses bodies from the request's head where it can, and stops reading where it cannot."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.core.errors import Problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

WRITING = {"POST", "PUT", "PATCH"}


class BodyGuard:
    """Stands before `receive` and counts; it never lets more than `limit` bytes through."""

    def __init__(self, receive: Receive, limit: int) -> None:
        """Guard one request's body."""
        self._receive = receive
        self._limit = limit
        self._taken = 0

    def check_head(self, scope: MutableMapping[str, Any], media_types: tuple[str, ...]) -> None:
        """Raise 415 or 413 from what the head says of the body."""
        headers = dict(scope["headers"])
        length = int(headers.get(b"content-length", b"0"))
        has_body = length > 0 or b"transfer-encoding" in headers
        if not has_body or scope["method"] not in WRITING:
            return
        if headers.get(b"content-encoding", b"identity") != b"identity":
            message = "Send the body without Content-Encoding."
            raise Problem("unsupported_media_type", message)
        given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip()
        if given.lower() not in media_types:
            raise Problem("unsupported_media_type", f"Send {' or '.join(media_types)}.")
        if length > self._limit:
            raise self._too_large()

    async def __call__(self) -> Message:
        """Pass the next message on; Problem too_large past the limit."""
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            raise self._too_large()
        return message

    def _too_large(self) -> Problem:
        message = f"The body is larger than {self._limit} bytes."
        return Problem("too_large", message, context={"limit": self._limit})
