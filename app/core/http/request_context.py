"""What is known of one request while it is handled."""

import time
from collections.abc import Awaitable
from typing import Protocol, cast
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.core.http.replies import Headers, Reply, new_request_id

# The key of a scope's state that holds the context.
STATE_KEY = "request_context"


class Requester(Protocol):
    """Who sent a request, as far as this room needs to know."""

    @property
    def key_id(self) -> UUID | None:
        """The API key's id; None without a key."""

    @property
    def kind(self) -> str:
        """`anonymous`, or the kind of the key."""

    def may(self, scope: str) -> bool:
        """Return whether the key has the scope on any bank."""


class RequestContext:
    """One request: who sent it, what it wrote, and how far the edge has come with it.

    The ASGI scope refers to its context. The context does not refer to the scope: only the garbage
    collector would free such a cycle, a tenth of the time that a response from memory takes.
    """

    __slots__ = (
        "_request_id",
        "budget_headers",
        "caller",
        "handler_started",
        "headers",
        "is_charged",
        "key_problem",
        "mark",
        "min_edition",
        "path",
        "received",
        "reply",
        "response_started",
        "route",
    )

    def __init__(self, scope: Scope) -> None:
        """Start the context of a request that was received just now."""
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        # Times of `time.perf_counter`: when the request came in, and when its handler began.
        self.received = self.handler_started = time.perf_counter()
        self.caller: Requester | None = None
        # The RateLimit headers of the response.
        self.budget_headers: Headers = []
        # The edition that the client demands, sealed.
        self.min_edition: bytes | None = None
        # Why the key was refused, until rules and keys have been read again.
        self.key_problem: Problem | None = None
        # The route's path, for the metrics.
        self.route = "unmatched"
        # Whether the time that the handler takes is charged to the caller's budget.
        self.is_charged = False
        # What a fast route returned: the reply, or what has to be awaited for it.
        self.reply: Reply | Awaitable[Reply] | None = None
        # The mark of this request's own commit, for the edition in the response.
        self.mark: Mark | None = None
        # Whether the framework has begun to send a response.
        self.response_started = False
        self._request_id: str | None = None

    @property
    def request_id(self) -> str:
        """The id of the request in problem documents and log entries, made when first needed."""
        if self._request_id is None:
            self._request_id = new_request_id()
        return self._request_id


def admitted_caller(request: HTTPConnection) -> Requester:
    """Return who sent a request; LookupError where the edge did not admit it."""
    caller = request_context(request).caller
    if caller is None:
        message = "the request was not admitted"
        raise LookupError(message)
    return caller


def request_context(request: HTTPConnection) -> RequestContext:
    """Return the context of a request that came through the edge."""
    return cast(RequestContext, request.scope["state"][STATE_KEY])
