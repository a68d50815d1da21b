"""Rate limits: a budget for each key and each client, told in every answer."""

import ipaddress
import time
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.access.rights import Caller
from app.core.replies import Headers
from app.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a budget; no limit at all where `item` is None."""

    item: RateLimitItem | None
    remaining: int
    reset: float
    allowed: bool

    @property
    def headers(self) -> Headers:
        """The RateLimit headers (draft-ietf-httpapi-ratelimit-headers)."""
        if self.item is None:
            return []
        return [
            (b"ratelimit", b'"default";r=%d;t=%d' % (self.remaining, self.seconds)),
            (b"ratelimit-policy", _policy(self.item)),
        ]

    @property
    def seconds(self) -> int:
        """Whole seconds until the budget is full again, at least one."""
        return max(1, ceil(self.reset - time.time()))


UNLIMITED = Allowance(None, 0, 0.0, allowed=True)


@lru_cache(maxsize=256)
def _policy(item: RateLimitItem) -> bytes:
    return b'"default";q=%d;w=%d' % (item.amount, item.get_expiry())


class Limiter:
    """One worker's budgets; several workers each hold their share."""

    def __init__(self, settings: Settings) -> None:
        """Take the rates of the settings."""
        self._share = settings.workers
        self._anonymous = self._item(settings.rate_anonymous)
        self._key = self._item(settings.rate_key)
        self._own = lru_cache(maxsize=1024)(self._item)
        self._strategy = FixedWindowRateLimiter(MemoryStorage())

    def charge(self, caller: Caller, client: str, cost: int = 1) -> Allowance:
        """Take `cost` off the caller's budget and tell what is left."""
        if caller.key_id is None:
            item, name = self._anonymous, client
        else:
            item = self._key if caller.rate is None else self._own(caller.rate)
            name = str(caller.key_id)
            if caller.kind == "publishable":
                name = f"{name} {client}"
        if item is None:
            return UNLIMITED
        allowed = self._strategy.hit(item, name, cost=cost)
        reset, remaining = self._strategy.get_window_stats(item, name)
        return Allowance(item, remaining, reset, allowed)

    def _item(self, rate: str) -> RateLimitItem | None:
        if rate == "off":
            return None
        whole = parse(rate)
        return type(whole)(max(1, whole.amount // self._share), whole.multiples)


def is_rate(text: str) -> bool:
    """Return whether `text` is a rate such as 600/minute, or off."""
    try:
        return text == "off" or parse(text).amount > 0
    except ValueError:
        return False


def client_of(scope: MutableMapping[str, Any], trusted: Iterable[str]) -> str:
    """Return the client that a budget belongs to: an IPv4 address or an IPv6 /64.

    The socket's address, unless it is a trusted proxy: then the rightmost address of
    X-Forwarded-For that is not one.
    """
    address = (scope.get("client") or ("unknown",))[0]
    if trusted and address in trusted:
        forwarded = b",".join(v for name, v in scope["headers"] if name == b"x-forwarded-for")
        for part in reversed(forwarded.decode("latin-1").split(",")):
            if part.strip() and part.strip() not in trusted:
                address = part.strip()
                break
    return _grouped(address)


@lru_cache(maxsize=10_000)
def _grouped(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
