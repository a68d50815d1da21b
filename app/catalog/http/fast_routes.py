"""The table of the GET routes that are answered from memory, before the framework is called."""

from collections.abc import Awaitable, Callable
from typing import Any

from app.access.rights import Caller
from app.core.http.replies import Reply

RequestHeaders = dict[bytes, bytes]
ReplyOrAwaitable = Reply | Awaitable[Reply]
Handler = Callable[[bytes, Caller, RequestHeaders], ReplyOrAwaitable]


class FastRoutes:
    """Maps GET paths to handlers, which are called with query string, caller and headers."""

    def __init__(self) -> None:
        """Start without any route."""
        self._by_path: dict[str, tuple[str, Handler, bool]] = {}
        self._by_parent: dict[str, tuple[str, Callable[..., ReplyOrAwaitable], bool]] = {}

    def add(self, path: str, handler: Callable[..., Any], *, timed: bool = False) -> None:
        """Answer `path` by `handler(query, caller, headers)`.

        A path may end in one {parameter}; its value is the handler's fourth argument. Handlers
        that are `timed` charge the time that they take to the caller's rate limit.
        """
        if path.endswith("}"):
            self._by_parent[path[: path.rindex("/")]] = (path, handler, timed)
        else:
            self._by_path[path] = (path, handler, timed)

    def find(self, path: str) -> tuple[str, Handler, bool] | None:
        """Return the route of a path, its handler, and whether the handler is timed."""
        found = self._by_path.get(path)
        if found is not None:
            return found
        parent, _, segment = path.rpartition("/")
        below = self._by_parent.get(parent)
        if below is None or not segment:
            return None
        route, handler, timed = below
        return route, lambda query, caller, headers: handler(query, caller, headers, segment), timed
