"""The ring of secret keys: one derived key a purpose, and tokens that clients only carry."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets as randomness
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.core.settings import Settings


class TokenError(Exception):
    """A token that this ring did not seal for that purpose."""


class Secrets:
    """A ring of secret keys, newest first: the first seals, every one opens."""

    def __init__(self, ring: tuple[str, ...]) -> None:
        """Take the ring; ValueError when it is empty."""
        if not ring:
            message = "the ring of secret keys is empty"
            raise ValueError(message)
        self._ring = ring
        self._ciphers = lru_cache(maxsize=256)(self._make_ciphers)

    def derive(self, purpose: str) -> bytes:
        """Return the 32 bytes that the newest key gives for a purpose (HMAC-SHA-256)."""
        return _derived(self._ring[0], purpose)

    def seal(self, purpose: str, data: bytes) -> str:
        """Return an opaque URL-safe token, the same for the same data (AES-SIV, RFC 5297)."""
        sealed = self._ciphers(purpose)[0].encrypt(data, None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, purpose: str, token: str) -> bytes:
        """Return what was sealed for `purpose`; TokenError for anything else."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise TokenError from error
        for cipher in self._ciphers(purpose):
            try:
                return cipher.decrypt(sealed, None)
            except (InvalidTag, ValueError):
                continue
        raise TokenError

    def _make_ciphers(self, purpose: str) -> tuple[AESSIV, ...]:
        return tuple(AESSIV(_derived(key, purpose)) for key in self._ring)


def _derived(key: str, purpose: str) -> bytes:
    return hmac.digest(key.encode(), purpose.encode(), hashlib.sha256)


def load_secrets(settings: Settings) -> Secrets:
    """Return the ring of the settings, else the one kept beside an embedded database (0600)."""
    if settings.secret_keys:
        return Secrets(settings.secret_keys)
    return Secrets((_kept_key(settings.data_dir / "secret.key"),))


def _kept_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    write_private(fresh, randomness.token_urlsafe(48))
    try:
        # A link fails where the file exists, so two first starts agree on one key.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read (mode 0600), durably."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
