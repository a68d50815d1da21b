"""Pure: whether a key, a rate or a bank's rules go beyond those that they are compared with."""

from datetime import datetime
from math import ceil

from app.access.rights import BankRules, Caller
from app.access.scopes import with_implied_scopes
from app.core.rates import parse_rate

# The values of each rule, from closed to open.
RULE_VALUES = {
    "read": ("restricted", "public"),
    "answers": ("restricted", "public"),
    "exposure": ("exam", "open"),
    "reveal": ("never", "score", "key"),
}
# What anyone who may write banks can give a new one.
CLOSED_BANK = {"read": "restricted", "answers": "restricted", "exposure": "open", "reveal": "score"}


def opened_rules(before: BankRules | None, after: BankRules) -> list[str]:
    """Return the rules that became more open; a new bank is compared with a closed one."""
    return [
        rule
        for rule, values in RULE_VALUES.items()
        if values.index(getattr(after, rule))
        > values.index(CLOSED_BANK[rule] if before is None else getattr(before, rule))
    ]


def excess_scopes(maker: Caller, scopes: frozenset[str]) -> list[str]:
    """Return the scopes of a new key that its maker does not have."""
    own = with_implied_scopes(maker.scopes)
    return sorted(scope for scope in scopes if not with_implied_scopes({scope}) <= own)


def exceeds_rate(rate: str, bound: str) -> bool:
    """Return whether `rate` could allow more than `bound` in one of its windows."""
    given, most = parse_rate(rate), parse_rate(bound)
    if given is None or most is None:
        return most is not None
    return given.amount * ceil(most.seconds / given.seconds) > most.amount


def exceeds_expiry(expires_at: datetime | None, bound: float | None) -> bool:
    """Return whether a key would be valid after `bound`, in seconds since 1970."""
    return bound is not None and (expires_at is None or expires_at.timestamp() > bound)
