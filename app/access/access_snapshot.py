"""A worker process's snapshot of banks and keys, in memory."""

from sqlmodel import Session, col, select

from app.access.key_usage import KeyUsage
from app.access.keyring import Keyring
from app.access.models import ApiKey, Bank
from app.access.rights import BankRules, Rights
from app.core.settings import Settings


class AccessSnapshot:
    """The rules of banks and the keys, as they were when they were last loaded."""

    def __init__(self, settings: Settings) -> None:
        """Start empty: until the first load, every key is unknown."""
        self._settings = settings
        self.rights = Rights({})
        self.keyring = Keyring([])
        self.usage = KeyUsage()

    def load(self, session: Session) -> None:
        """Read banks and keys, then replace the snapshot."""
        banks = session.exec(select(Bank)).all()
        keys = session.exec(select(ApiKey).where(col(ApiKey.revoked_at).is_(None))).all()
        self.rights = Rights({bank.slug: rules_of(bank) for bank in banks})
        self.keyring = Keyring(keys)


def rules_of(bank: Bank) -> BankRules:
    """Return the rules in a bank's row."""
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
