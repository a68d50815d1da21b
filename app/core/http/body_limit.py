"""Limits a request's body: by its headers if possible, else while it is read."""

from starlette.types import Message, Receive, Scope

from app.core.errors import Problem

METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


class BodyGuard:
    """An ASGI `receive` that lets at most `limit` bytes through."""

    def __init__(self, receive: Receive, limit: int) -> None:
        """Guard one request's body."""
        self._receive = receive
        self._limit = limit
        self._received_bytes = 0

    def check_head(self, scope: Scope, media_types: tuple[str, ...]) -> None:
        """Raise Problem unsupported_media_type or too_large if the headers announce such a body."""
        headers = dict(scope["headers"])
        length = int(headers.get(b"content-length", b"0"))
        has_body = length > 0 or b"transfer-encoding" in headers
        if not has_body or scope["method"] not in METHODS_WITH_BODY:
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
        """Return the next message; Problem too_large once the limit is passed."""
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self._limit:
            raise self._too_large()
        return message

    def _too_large(self) -> Problem:
        message = f"The body is larger than {self._limit} bytes."
        return Problem("too_large", message, context={"limit": self._limit})
