"""A worker's live snapshot of banks and keys."""

from sqlmodel import Session, col, select

from app.access.key_usage import Usage
from app.access.keyring import Keyring
from app.access.models import ApiKey, Bank
from app.access.rights import BankRules, Rights
from app.core.settings import Settings


class AccessSnapshot:
    """Holds the rules and keys that the follower read last."""

    def __init__(self, settings: Settings) -> None:
        """Start with nothing: whoever calls before the first load is anonymous."""
        self._settings = settings
        self.rights = Rights({})
        self.keyring = Keyring([])
        self.usage = Usage()

    def load(self, session: Session) -> None:
        """Read banks and keys anew and put them in place at once."""
        banks = session.exec(select(Bank)).all()
        keys = session.exec(select(ApiKey).where(col(ApiKey.revoked_at).is_(None))).all()
        self.rights = Rights({bank.slug: rules_of(bank) for bank in banks})
        self.keyring = Keyring(keys)


def rules_of(bank: Bank) -> BankRules:
    """Return a bank's row as its rules."""
    return BankRules(
        slug=bank.slug,
        name=bank.name,
        description=bank.description,
        language=bank.language,
        read="public" if bank.read == "public" else "restricted",
        answers="public" if bank.answers == "public" else "restricted",
        exposure="exam" if bank.exposure == "exam" else "open",
        reveal={"key": "key", "score": "score"}.get(bank.reveal, "never"),  # type: ignore[arg-type] # checked by the database
    )
