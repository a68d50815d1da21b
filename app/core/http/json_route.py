"""Reads every body that is JSON strictly."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.core.strict_json import parse_json


class JsonRequest(Request):
    """A request whose JSON is parsed strictly."""

    async def json(self) -> Any:  # noqa: ANN401 - the signature of the base class
        """Return the parsed body, parsed once."""
        if not hasattr(self, "_strict_json"):
            self._strict_json = parse_json(await self.body())
        return self._strict_json


class JsonRoute(APIRoute):
    """The route class of every router: strict JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that parses its body by `parse_json`."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle
