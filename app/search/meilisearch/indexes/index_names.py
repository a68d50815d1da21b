"""Pure: the names of our indexes on the server, which all start with the deployment's prefix."""

from app.core import time_and_random

SEPARATOR = "__"


def live_index_name(prefix: str, bank: str) -> str:
    """Return the name of a bank's live index.

    Names are unambiguous because neither slugs nor prefixes contain an underscore.
    """
    return f"{prefix}{SEPARATOR}{bank}"


def staging_index_name(prefix: str, bank: str) -> str:
    """Return a new, random name for a staging index that is built beside a bank's live index."""
    return f"{live_index_name(prefix, bank)}{SEPARATOR}{time_and_random.random_bytes(4).hex()}"


def marker_index_name(prefix: str) -> str:
    """Return the name of the index that holds the mirror's marker."""
    return f"{prefix}{SEPARATOR}_note"
