"""Secrets of keys: how they are made, and what of them may be shown later."""

import base64

from app.core import time_and_random

SECRET_BYTES = 32
SHOWN = 6

_BEGINNINGS = {"secret": "qw_sk_", "publishable": "qw_pk_"}


def new_secret(kind: str) -> str:
    """Return a fresh secret that says of what kind its key is."""
    random = base64.urlsafe_b64encode(time_and_random.random_bytes(SECRET_BYTES)).rstrip(b"=")
    return _BEGINNINGS[kind] + random.decode()


def shown_part(secret: str) -> str:
    """Return the beginning by which people tell keys apart, too short to be of use to others."""
    for beginning in _BEGINNINGS.values():
        if secret.startswith(beginning):
            return secret[: len(beginning) + SHOWN]
    # One that an operator chose may be short.
    return secret[:4]
