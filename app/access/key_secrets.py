"""Secrets of keys: how they are generated, and the part that may be shown later."""

import base64

from app.core import time_and_random

SECRET_BYTES = 32
# Of the random part; too few to be of use to anyone else.
SHOWN_CHARACTERS = 6
SHOWN_CHARACTERS_OF_CUSTOM_SECRET = 4

_PREFIXES = {"secret": "qw_sk_", "publishable": "qw_pk_"}


def new_secret(kind: str) -> str:
    """Return a new secret, with a prefix for the kind of the key."""
    random = base64.urlsafe_b64encode(time_and_random.random_bytes(SECRET_BYTES)).rstrip(b"=")
    return _PREFIXES[kind] + random.decode()


def shown_prefix(secret: str) -> str:
    """Return the beginning of a secret, by which people can tell keys apart."""
    for prefix in _PREFIXES.values():
        if secret.startswith(prefix):
            return secret[: len(prefix) + SHOWN_CHARACTERS]
    # A secret that an operator chose may be short.
    return secret[:SHOWN_CHARACTERS_OF_CUSTOM_SECRET]
