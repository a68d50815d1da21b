"""What each route requires of a request's headers: a scope, a media type, a size."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi.routing import APIRoute

from app.core.errors import Problem
from app.core.http.request_context import Requester

DEFAULT_MAX_BYTES = 1_000_000
JSON_TYPES = ("application/json",)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one operation requires; `scope` is None if no key is needed."""

    scope: str | None
    media_types: tuple[str, ...]
    max_bytes: int

    def check(self, caller: Requester | None) -> None:
        """Raise 401 without a key, 403 if the key has the scope on no bank."""
        if self.scope is None:
            return
        if caller is None or caller.key_id is None:
            message = f"This route needs a key with the scope `{self.scope}`."
            headers = {"WWW-Authenticate": "Bearer"}
            raise Problem("key_required", message, headers=headers)
        if not caller.may(self.scope):
            message = f"The key does not have the scope `{self.scope}`."
            raise Problem("missing_scope", message, context={"scope": self.scope})


class Requirements:
    """What every operation requires, by method and path."""

    def __init__(self, routes: Iterable[object]) -> None:
        """Read the requirements from FastAPI's routes."""
        self._table = [
            (method, route.path_regex, _requirement(route))
            for route in routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        ]

    def find(self, method: str, path: str) -> Requirement | None:
        """Return what an operation requires; None if there is no such route."""
        for given, pattern, requirement in self._table:
            if given == method and re.match(pattern, path):
                return requirement
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods of a path, with HEAD if there is GET."""
        found = {given for given, pattern, _ in self._table if re.match(pattern, path)}
        return sorted(found | {"HEAD"} if "GET" in found else found)


def _requirement(route: APIRoute) -> Requirement:
    extra = route.openapi_extra or {}
    scope = extra.get("x-scope", "none")
    return Requirement(
        None if scope == "none" else scope,
        tuple(extra.get("x-media-types", JSON_TYPES)),
        int(extra.get("x-max-bytes", DEFAULT_MAX_BYTES)),
    )
