"""Rate limits: a budget for each key and each client, reported in every response."""

import ipaddress
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Scope

from app.access.fixed_window import FixedWindows
from app.access.rights import Caller
from app.core import time_and_random
from app.core.http.replies import Headers
from app.core.rates import parse_rate
from app.core.settings import Settings

MILLISECONDS_PER_SECOND = 1000


class Budget(NamedTuple):
    """What may be spent in a window, and the RateLimit-Policy header that says so."""

    amount: int
    length_ms: int
    policy_header: tuple[bytes, bytes]


class Allowance(NamedTuple):
    """What is left of a budget after a request.

    The headers are those of draft-ietf-httpapi-ratelimit-headers; there are none without a limit.
    """

    headers: Headers
    # Whole seconds until the budget is full again, at least one.
    reset_seconds: int
    is_allowed: bool


UNLIMITED = Allowance([], 0, is_allowed=True)


class RateLimiter:
    """The budgets of one worker process. Several workers have equal shares of each budget."""

    def __init__(self, settings: Settings) -> None:
        """Use the rates of the settings."""
        self._workers = settings.workers
        self._anonymous_budget = self._budget(settings.rate_anonymous)
        self._key_budget = self._budget(settings.rate_key)
        self._budget_of_rate = lru_cache(maxsize=1024)(self._budget)
        self._windows = FixedWindows()

    def charge(self, caller: Caller, client: str, cost: int = 1) -> Allowance:
        """Charge the caller's budget; return what is left of it."""
        if caller.key_id is None:
            budget, key = self._anonymous_budget, (0, client)
        else:
            budget = self._key_budget if caller.rate is None else self._budget_of_rate(caller.rate)
            key = (caller.key_id.int, client if caller.kind == "publishable" else "")
        if budget is None:
            return UNLIMITED
        amount, length_ms, policy_header = budget
        spent, left_ms = self._windows.spend(key, cost, length_ms, time_and_random.milliseconds())
        seconds = -(-left_ms // MILLISECONDS_PER_SECOND)
        limit = b'"default";r=%d;t=%d' % (max(0, amount - spent), seconds)
        return Allowance([(b"ratelimit", limit), policy_header], seconds, spent <= amount)

    def _budget(self, text: str) -> Budget | None:
        rate = parse_rate(text)
        if rate is None:
            return None
        amount = max(1, rate.amount // self._workers)
        policy = b'"default";q=%d;w=%d' % (amount, rate.seconds)
        length_ms = rate.seconds * MILLISECONDS_PER_SECOND
        return Budget(amount, length_ms, (b"ratelimit-policy", policy))


def trusted_addresses(addresses: Iterable[str]) -> frozenset[str]:
    """Return the addresses of trusted proxies, normalized for comparison."""
    return frozenset(map(_normalized, addresses))


def client_of(scope: Scope, trusted: Collection[str]) -> str:
    """Return the client whose budget a request is charged to: an IPv4 address or an IPv6 /64.

    This is the address of the socket. If that is one of `trusted` (see `trusted_addresses`), it is
    the rightmost address of X-Forwarded-For that is not trusted.
    """
    address = (scope.get("client") or ("unknown",))[0]
    if trusted and _normalized(address) in trusted:
        forwarded = b",".join(v for name, v in scope["headers"] if name == b"x-forwarded-for")
        for part in reversed(forwarded.decode("latin-1").split(",")):
            if part.strip() and _normalized(part.strip()) not in trusted:
                address = part.strip()
                break
    return _client_network(address)


@lru_cache(maxsize=10_000)
def _normalized(address: str) -> str:
    """Return an address in its usual form, without a port; `unknown` for anything else."""
    host = address
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        host = address.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


@lru_cache(maxsize=10_000)
def _client_network(address: str) -> str:
    normalized = _normalized(address)
    if ":" not in normalized:
        return normalized
    network = int(ipaddress.IPv6Address(normalized)) >> 64 << 64
    return f"{ipaddress.IPv6Address(network)}/64"
