"""Pure: whether a key, a rate or a bank's rules go beyond others."""

from datetime import datetime
from math import ceil, inf

from limits import parse

from app.access.rights import BankRules, Caller
from app.access.scopes import implied

# From closed to open.
ORDER = {
    "read": ("restricted", "public"),
    "answers": ("restricted", "public"),
    "exposure": ("exam", "open"),
    "reveal": ("never", "score", "key"),
}
CLOSED = {"read": "restricted", "answers": "restricted", "exposure": "open", "reveal": "score"}
RATE_PATTERN = r"^(off|[1-9][0-9]{0,8}/(second|minute|hour|day))$"


def opened(before: BankRules | None, after: BankRules) -> list[str]:
    """Return which rules tell more than before; a new bank is compared with a closed one."""
    return [
        rule
        for rule, order in ORDER.items()
        if order.index(getattr(after, rule))
        > order.index(CLOSED[rule] if before is None else getattr(before, rule))
    ]


def scopes_beyond(maker: Caller, scopes: frozenset[str]) -> list[str]:
    """Return the scopes that the maker of a key does not have itself."""
    return sorted(scope for scope in scopes if not implied({scope}) <= implied(maker.scopes))


def rate_is_beyond(rate: str, bound: str) -> bool:
    """Return whether `rate` ever allows more than `bound` does in one of its windows."""
    amount, window = _amount_and_seconds(rate)
    most, bound_window = _amount_and_seconds(bound)
    return amount * ceil(bound_window / window) > most


def time_is_beyond(expires_at: datetime | None, bound: float | None) -> bool:
    """Return whether a key would live longer than `bound`, in seconds since 1970."""
    return bound is not None and (expires_at is None or expires_at.timestamp() > bound)


def _amount_and_seconds(rate: str) -> tuple[float, int]:
    if rate == "off":
        return inf, 1
    item = parse(rate)
    return item.amount, item.get_expiry()
