"""Admits or refuses a request from its head: budget, then key."""

from collections.abc import MutableMapping
from math import ceil
from typing import Any

from app.access.directory import Directory
from app.access.limiting import UNLIMITED, Allowance, Limiter, client_of
from app.access.rights import ANONYMOUS, Caller
from app.core.errors import Problem
from app.core.settings import Settings

FREE_PATHS = {"/healthz", "/readyz"}
INVALID_COST = 10
COSTLY_SECONDS = 0.01


class Admission:
    """Who is calling, and whether the budget allows it."""

    def __init__(self, directory: Directory, limiter: Limiter, settings: Settings) -> None:
        """Ask `directory` for keys and `limiter` for budgets."""
        self._directory = directory
        self._limiter = limiter
        self._trusted = frozenset(settings.trusted_proxies)

    def admit(self, scope: MutableMapping[str, Any]) -> tuple[Caller, Allowance]:
        """Return caller and allowance; Problem rate_limited, invalid_key, origin_not_allowed."""
        headers = dict(scope["headers"])
        client = client_of(scope, self._trusted)
        try:
            caller = self._directory.keyring.caller(headers)
        except Problem:
            # Guessing keys is paid from the address's own budget, ten times the price.
            _check(self._limiter.charge(ANONYMOUS, client, INVALID_COST))
            raise
        if scope["path"] in FREE_PATHS:
            return caller, UNLIMITED
        allowance = self._limiter.charge(caller, client)
        _check(allowance)
        return caller, allowance

    def charge_time(
        self, scope: MutableMapping[str, Any], caller: Caller, seconds: float
    ) -> None:
        """Charge a request one more for each begun 10 ms that it took."""
        client = client_of(scope, self._trusted)
        self._limiter.charge(caller, client, ceil(seconds / COSTLY_SECONDS))


def _check(allowance: Allowance) -> None:
    if allowance.allowed:
        return
    wait = str(allowance.seconds)
    headers = {name.decode(): value.decode() for name, value in allowance.headers}
    message = f"The budget is used up; it is full again in {wait} seconds."
    raise Problem("rate_limited", message, headers=headers | {"Retry-After": wait})
