"""Admits or refuses a request from its head: budget, then key."""

from collections.abc import MutableMapping
from math import ceil
from typing import Any

from app.access.access_snapshot import AccessSnapshot
from app.access.rate_limits import UNLIMITED, Allowance, Limiter, client_of, trusted_addresses
from app.access.rights import ANONYMOUS, Caller
from app.core.errors import Problem
from app.core.settings import Settings

FREE_PATHS = {"/healthz", "/readyz"}
INVALID_COST = 10
COSTLY_SECONDS = 0.01


class Admission:
    """Who is calling, and whether the budget allows it."""

    def __init__(self, access: AccessSnapshot, limiter: Limiter, settings: Settings) -> None:
        """Ask `directory` for keys and `limiter` for budgets."""
        self._access = access
        self._limiter = limiter
        self._trusted = trusted_addresses(settings.trusted_proxies)

    def admit(
        self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]
    ) -> tuple[Caller, Allowance]:
        """Return caller and allowance; Problem rate_limited, invalid_key, origin_not_allowed."""
        client = client_of(scope, self._trusted)
        try:
            caller = self._access.keyring.caller(headers)
        except Problem as refusal:
            # Guessing keys is paid from the address's own budget, ten times the price.
            allowance = self._limiter.charge(ANONYMOUS, client, INVALID_COST)
            _check(allowance)
            refusal.headers = {**refusal.headers, **_told(allowance)}
            raise
        if scope["path"] in FREE_PATHS:
            return caller, UNLIMITED
        allowance = self._limiter.charge(caller, client)
        _check(allowance)
        if caller.key_id is not None:
            self._access.usage.note(caller.key_id)
        return caller, allowance

    def charge_time(self, scope: MutableMapping[str, Any], caller: Caller, seconds: float) -> None:
        """Charge a request one more for each begun 10 ms that it took."""
        client = client_of(scope, self._trusted)
        self._limiter.charge(caller, client, ceil(seconds / COSTLY_SECONDS))


def _check(allowance: Allowance) -> None:
    if allowance.allowed:
        return
    wait = str(allowance.seconds)
    message = f"The budget is used up; it is full again in {wait} seconds."
    raise Problem("rate_limited", message, headers=_told(allowance) | {"Retry-After": wait})


def _told(allowance: Allowance) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in allowance.headers}
