"""Rate limits: a budget for each key and each client, told in every answer."""

import ipaddress
from collections.abc import Collection, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple

from limits import parse

from app.access.fixed_window import Windows
from app.access.rights import Caller
from app.core import time_and_random
from app.core.http.replies import Headers
from app.core.settings import Settings

MILLISECONDS = 1000


class Budget(NamedTuple):
    """What may be spent in a window of `length` ms, and the header that tells so."""

    amount: int
    length: int
    policy: tuple[bytes, bytes]


class Allowance(NamedTuple):
    """What is left of a budget: the RateLimit headers, none of them where there is no limit.

    `seconds` are whole ones until the budget is full again, at least one. The headers are those of
    draft-ietf-httpapi-ratelimit-headers.
    """

    headers: Headers
    seconds: int
    allowed: bool


UNLIMITED = Allowance([], 0, allowed=True)


class Limiter:
    """One worker's budgets; several workers each hold their share."""

    def __init__(self, settings: Settings) -> None:
        """Take the rates of the settings."""
        self._share = settings.workers
        self._anonymous = self._budget(settings.rate_anonymous)
        self._key = self._budget(settings.rate_key)
        self._own = lru_cache(maxsize=1024)(self._budget)
        self._windows = Windows()

    def charge(self, caller: Caller, client: str, cost: int = 1) -> Allowance:
        """Take `cost` off the caller's budget and tell what is left."""
        if caller.key_id is None:
            budget, name = self._anonymous, (0, client)
        else:
            budget = self._key if caller.rate is None else self._own(caller.rate)
            name = (caller.key_id.int, client if caller.kind == "publishable" else "")
        if budget is None:
            return UNLIMITED
        amount, length, policy = budget
        spent, left = self._windows.spend(name, cost, length, time_and_random.milliseconds())
        seconds = -(-left // MILLISECONDS)
        told = b'"default";r=%d;t=%d' % (max(0, amount - spent), seconds)
        return Allowance([(b"ratelimit", told), policy], seconds, spent <= amount)

    def _budget(self, rate: str) -> Budget | None:
        if rate == "off":
            return None
        whole = parse(rate)
        amount, seconds = max(1, whole.amount // self._share), whole.get_expiry()
        told = b'"default";q=%d;w=%d' % (amount, seconds)
        return Budget(amount, seconds * MILLISECONDS, (b"ratelimit-policy", told))


def trusted_addresses(listed: Iterable[str]) -> frozenset[str]:
    """Return the addresses of trusted proxies in the one form in which they are compared."""
    return frozenset(map(_plain, listed))


def client_of(scope: MutableMapping[str, Any], trusted: Collection[str]) -> str:
    """Return the client that a budget belongs to: an IPv4 address or an IPv6 /64.

    The socket's address, unless it is one of `trusted` (`trusted_addresses`): then the rightmost
    address of X-Forwarded-For that is not one.
    """
    address = (scope.get("client") or ("unknown",))[0]
    if trusted and _plain(address) in trusted:
        forwarded = b",".join(v for name, v in scope["headers"] if name == b"x-forwarded-for")
        for part in reversed(forwarded.decode("latin-1").split(",")):
            if part.strip() and _plain(part.strip()) not in trusted:
                address = part.strip()
                break
    return _grouped(address)


@lru_cache(maxsize=10_000)
def _plain(address: str) -> str:
    """Return an address as it is usually written, without a port; `unknown` for anything else."""
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
def _grouped(address: str) -> str:
    plain = _plain(address)
    if ":" not in plain:
        return plain
    network = int(ipaddress.IPv6Address(plain)) >> 64 << 64
    return f"{ipaddress.IPv6Address(network)}/64"
