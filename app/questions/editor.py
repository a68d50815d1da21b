"""The editor: a caller with the rights that it has on each bank."""

from dataclasses import dataclass
from uuid import UUID

from app.access.rights import Caller, Rights


@dataclass(frozen=True, slots=True)
class Editor:
    """A caller with the current reading rules."""

    rights: Rights
    caller: Caller

    @property
    def key_id(self) -> UUID | None:
        """The id of the key that saves revisions."""
        return self.caller.key_id

    def require(self, scope: str, bank: str) -> None:
        """Raise 404 for a bank that the caller does not see, 403 if it lacks the scope."""
        self.rights.require(self.caller, scope, bank)

    def may(self, scope: str, bank: str) -> bool:
        """Return whether the caller has the scope on a bank that it sees."""
        return self.caller.may(scope, bank)

    def banks(self, scope: str) -> dict[str, str]:
        """Return the banks on which the caller has the scope, as {slug: name}."""
        slugs = self.rights.with_scope(self.caller, scope)
        return {slug: self.rights.banks[slug].name for slug in sorted(slugs)}
