"""The routes that are answered from memory, ahead of the framework."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from app.access.rights import Caller
from app.core.http.replies import Reply

Headers = dict[bytes, bytes]
Answer = Reply | Awaitable[Reply]
Handler = Callable[[bytes, Caller, Headers], Answer]


class Door:
    """A table from GET paths to handlers."""

    def __init__(self) -> None:
        """Start without any path."""
        self._exact: dict[str, tuple[str, Handler, bool]] = {}
        self._below: dict[str, tuple[str, Callable[..., Answer], bool]] = {}

    def add(self, path: str, handler: Callable[..., Any], *, timed: bool = False) -> None:
        """Answer `path` by `handler(query, caller, headers)`.

        A path that ends in one {parameter} gives it to the handler as a first argument. The time
        that a `timed` one takes is charged to the caller.
        """
        if path.endswith("}"):
            self._below[path[: path.rindex("/")]] = (path, handler, timed)
        else:
            self._exact[path] = (path, handler, timed)

    def find(self, path: str) -> tuple[str, Handler, bool] | None:
        """Return a path's route, its handler, and whether the time it takes is charged."""
        found = self._exact.get(path)
        if found is not None:
            return found
        folder, _, segment = path.rpartition("/")
        below = self._below.get(folder)
        if below is None or not segment:
            return None
        route, handler, timed = below
        return route, partial(handler, segment), timed
