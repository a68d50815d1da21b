"""Pure: what a caller may see and do, from the rules of banks and the scopes of keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal
from uuid import UUID

from app.access.scopes import GLOBAL_SCOPES, with_implied_scopes
from app.core.errors import Problem, not_found

# Proves that an AnswerRight was made by this module.
_MAKER = object()


@dataclass(frozen=True, slots=True)
class BankRules:
    """A bank with its reading rules."""

    slug: str
    name: str
    description: str
    language: str
    read: Literal["public", "restricted"]
    answers: Literal["public", "restricted"]
    exposure: Literal["open", "exam"]
    reveal: Literal["never", "score", "key"]


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Who sent a request; `banks` is None for a key on all banks, including later ones.

    Callers are compared by identity: the keyring makes one for each key.
    """

    key_id: UUID | None = None
    kind: Literal["anonymous", "secret", "publishable"] = "anonymous"
    scopes: frozenset[str] = frozenset()
    banks: frozenset[str] | None = frozenset()
    origins: tuple[str, ...] = ()
    expires_at: float | None = None
    rate: str | None = None

    def may(self, scope: str, bank: str | None = None) -> bool:
        """Return whether the caller has the scope, on `bank` if one is given, else on any."""
        if scope not in _cached_scopes(self.scopes):
            return False
        if self.banks is None:
            return True
        return scope not in GLOBAL_SCOPES and (bank is None or bank in self.banks)

    @property
    def is_admin(self) -> bool:
        """Whether the caller may do everything."""
        return "admin" in self.scopes and self.banks is None


ANONYMOUS = Caller()

_cached_scopes = lru_cache(maxsize=1024)(with_implied_scopes)


@dataclass(frozen=True, slots=True)
class AnswerRight:
    """The right to read the answers of `banks`. Only this module can make one."""

    banks: frozenset[str]
    maker: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a right that was made elsewhere."""
        if self.maker is not _MAKER:
            message = "an AnswerRight comes from Rights.answer_right"
            raise TypeError(message)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The banks whose questions and answers a caller may read; equal views are one object."""

    readable: frozenset[str]
    answerable: frozenset[str]


class Rights:
    """The rules of all banks, and what they allow each caller."""

    def __init__(self, banks: Mapping[str, BankRules]) -> None:
        """Hold the rules, by slug."""
        self.banks = dict(banks)
        self._views: dict[tuple[frozenset[str], frozenset[str]], View] = {}
        self._callers: dict[Caller, View] = {}

    def visible(self, caller: Caller) -> frozenset[str]:
        """Return the banks that exist for the caller: those of its key, or public ones without key.

        Exam banks are visible to secret keys only.
        """
        if caller.kind == "secret":
            named = self.banks.keys() if caller.banks is None else caller.banks
            return frozenset(self.banks.keys() & named)
        return frozenset(
            slug
            for slug, bank in self.banks.items()
            if bank.exposure == "open"
            and (
                slug in (caller.banks or ())
                or (caller.kind == "anonymous" and bank.read == "public")
            )
        )

    def readable(self, caller: Caller) -> frozenset[str]:
        """Return the banks whose published questions the caller may read; never an exam bank."""
        return self.view(caller).readable

    def answerable(self, caller: Caller) -> frozenset[str]:
        """Return the banks whose answers the caller may read in delivery."""
        return self.view(caller).answerable

    def view(self, caller: Caller) -> View:
        """Return the banks that the caller may read, the same object for equal rights."""
        found = self._callers.get(caller)
        if found is None:
            readable = frozenset(
                slug for slug in self.visible(caller) if self.banks[slug].exposure == "open"
            )
            answerable = frozenset(
                slug
                for slug in readable
                if self.banks[slug].answers == "public" or caller.may("answers:read", slug)
            )
            found = self._views.setdefault((readable, answerable), View(readable, answerable))
            self._callers[caller] = found
        return found

    def answer_right(self, caller: Caller, banks: Collection[str]) -> AnswerRight:
        """Return the right to the answers of `banks`.

        Problem answers_not_allowed if the caller may not read those of one of them.
        """
        wanted = frozenset(banks)
        if not wanted or not wanted <= self.answerable(caller):
            message = "This caller may not read the answers of a bank concerned."
            raise Problem("answers_not_allowed", message)
        return AnswerRight(wanted, _MAKER)

    def searchable(self) -> frozenset[str]:
        """Return the banks that a search index may contain: all but exam banks."""
        return frozenset(slug for slug, bank in self.banks.items() if bank.exposure == "open")

    def indexing_right(self) -> AnswerRight:
        """Return the right to the answers that a search index may contain.

        These are the public answers of searchable banks.
        """
        public = (slug for slug in self.searchable() if self.banks[slug].answers == "public")
        return AnswerRight(frozenset(public), _MAKER)

    def with_scope(self, caller: Caller, scope: str) -> frozenset[str]:
        """Return the banks on which the caller has the scope."""
        return frozenset(slug for slug in self.visible(caller) if caller.may(scope, slug))

    def require(self, caller: Caller, scope: str, bank: str) -> None:
        """Raise 404 if the bank is not visible to the caller, 403 if the scope is missing."""
        if bank not in self.visible(caller):
            raise not_found()
        if not caller.may(scope, bank):
            message = f"The key does not have the scope `{scope}` on this bank."
            raise Problem("missing_scope", message, context={"scope": scope, "bank": bank})
