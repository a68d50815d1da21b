"""Admits or refuses a request by its headers: first the key, then the budget."""

from math import ceil

from starlette.types import Scope

from app.access.access_snapshot import AccessSnapshot
from app.access.rate_limits import UNLIMITED, Allowance, RateLimiter, client_of, trusted_addresses
from app.access.rights import ANONYMOUS, Caller
from app.core.errors import Problem
from app.core.settings import Settings

# Health checks are not charged.
FREE_PATHS = {"/healthz", "/readyz"}
# An invalid key costs this many requests, so that guessing keys is slow.
INVALID_KEY_COST = 10
# A charged route costs one more request for each of these that it takes.
CHARGED_SECONDS = 0.01


class Admission:
    """Finds the caller of a request, and charges the caller's budget."""

    def __init__(self, access: AccessSnapshot, limiter: RateLimiter, settings: Settings) -> None:
        """Find keys in `access`, and charge budgets of `limiter`."""
        self._access = access
        self._limiter = limiter
        self._trusted = trusted_addresses(settings.trusted_proxies)

    def admit(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[Caller, Allowance]:
        """Return caller and allowance; Problem rate_limited, invalid_key, origin_not_allowed."""
        client = client_of(scope, self._trusted)
        try:
            caller = self._access.keyring.authenticate(headers)
        except Problem as problem:
            # Charged to the address, since the key is unknown.
            allowance = self._limiter.charge(ANONYMOUS, client, INVALID_KEY_COST)
            _require_allowed(allowance)
            problem.headers = {**problem.headers, **_decoded(allowance)}
            raise
        if scope["path"] in FREE_PATHS:
            return caller, UNLIMITED
        allowance = self._limiter.charge(caller, client)
        _require_allowed(allowance)
        if caller.key_id is not None:
            self._access.usage.record(caller.key_id)
        return caller, allowance

    def authenticate(self, headers: dict[bytes, bytes]) -> Caller:
        """Return the caller without charging a budget; Problem invalid_key, origin_not_allowed."""
        return self._access.keyring.authenticate(headers)

    def charge_time(self, scope: Scope, caller: Caller, seconds: float) -> None:
        """Charge a request for its duration: one for each 10 ms or part of it."""
        client = client_of(scope, self._trusted)
        self._limiter.charge(caller, client, ceil(seconds / CHARGED_SECONDS))


def _require_allowed(allowance: Allowance) -> None:
    if allowance.is_allowed:
        return
    wait = str(allowance.reset_seconds)
    message = f"The budget is used up; it is full again in {wait} seconds."
    raise Problem("rate_limited", message, headers=_decoded(allowance) | {"Retry-After": wait})


def _decoded(allowance: Allowance) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in allowance.headers}
