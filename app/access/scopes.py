"""The scopes that keys have, and what each implies."""

from collections.abc import Iterable
from typing import Literal, get_args

BankScope = Literal[
    "questions:read",
    "answers:read",
    "questions:write",
    "questions:publish",
    "quizzes:write",
    "attempts:launch",
    "attempts:read",
    "attempts:mark",
    "imports:write",
    "exports:read",
]
# Only for keys on all banks.
GlobalScope = Literal[
    "taxonomy:write", "banks:write", "keys:write", "candidates:erase", "operate", "admin"
]
Scope = Literal[BankScope, GlobalScope]

BANK_SCOPES: frozenset[str] = frozenset(get_args(BankScope))
GLOBAL_SCOPES: frozenset[str] = frozenset(get_args(GlobalScope))
SCOPES = BANK_SCOPES | GLOBAL_SCOPES


def with_implied_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes and all scopes that they imply."""
    given = frozenset(scopes)
    if "admin" in given:
        return SCOPES
    if "questions:write" in given:
        given |= {"questions:read", "answers:read"}
    return given
