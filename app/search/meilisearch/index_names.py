"""Pure: the names of our indexes on the server, each with the deployment's prefix."""

from app.core import time_and_random

SEPARATOR = "__"


def live_name(prefix: str, bank: str) -> str:
    """Return the name of a bank's index; slugs and prefixes hold no underscore."""
    return f"{prefix}{SEPARATOR}{bank}"


def staging_name(prefix: str, bank: str) -> str:
    """Return a new name for a fresh index that is built beside a bank's live one."""
    return f"{live_name(prefix, bank)}{SEPARATOR}{time_and_random.random_bytes(4).hex()}"


def note_name(prefix: str) -> str:
    """Return the name of the index that holds the mirror's note."""
    return f"{prefix}{SEPARATOR}_note"
