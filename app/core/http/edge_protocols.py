"""What the edge needs from higher rooms: admission, editions and fast routes."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.types import Scope

from app.core.db.edition_clock import Mark
from app.core.http.replies import Headers, Reply


class Allowance(Protocol):
    """What is left of a caller's budget."""

    @property
    def headers(self) -> Headers:
        """The RateLimit headers."""


class Admission(Protocol):
    """Finds out who sent a request, and charges the caller's budget."""

    def admit(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[Any, Allowance]:
        """Return caller and allowance; Problem rate_limited, invalid_key, origin_not_allowed."""

    def authenticate(self, headers: dict[bytes, bytes]) -> Any:  # noqa: ANN401
        """Return the caller without charging a budget; Problem invalid_key, origin_not_allowed."""

    def charge_time(self, scope: Scope, caller: Any, seconds: float) -> None:  # noqa: ANN401
        """Charge a slow request for the time that it took."""


class Editions(Protocol):
    """The edition that the worker has in memory, and the wait for a newer one."""

    def current(self) -> bytes:
        """Return the sealed edition of the worker's memory."""

    def seal(self, mark: Mark) -> bytes:
        """Return the sealed edition of a mark."""

    def loaded(self) -> bool:
        """Return whether the worker has loaded the banks once."""

    async def wait_for(self, edition: str) -> None:
        """Wait until the memory covers a sealed edition; Problem edition_ahead, not_caught_up."""

    async def refresh_config(self) -> None:
        """Wait until this worker's banks and keys are as new as the clock."""


# Takes the query string, the caller and the request's headers.
Handler = Callable[[bytes, Any, dict[bytes, bytes]], Reply | Awaitable[Reply]]


class FastRoutes(Protocol):
    """The GET routes that are served from memory, without the framework."""

    def find(self, path: str) -> tuple[str, Handler, bool] | None:
        """Return a path's route, its handler, and whether the handler's time is charged."""
