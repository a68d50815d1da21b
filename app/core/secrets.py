"""The secret keys: a derived key for each purpose, and encrypted tokens."""

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
    """A token that was not made with these keys for this purpose."""


class Secrets:
    """The secret keys, newest first. The first one encrypts; every one decrypts."""

    def __init__(self, ring: tuple[str, ...]) -> None:
        """Use the keys; ValueError if there are none."""
        if not ring:
            message = "there are no secret keys"
            raise ValueError(message)
        self._ring = ring
        self._ciphers = lru_cache(maxsize=256)(self._make_ciphers)

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes derived from the newest key for a purpose (HMAC-SHA-256)."""
        return _derived(self._ring[0], purpose)

    def seal(self, purpose: str, data: bytes) -> str:
        """Encrypt data as a URL-safe token (AES-SIV, RFC 5297); equal data gives equal tokens."""
        sealed = self._ciphers(purpose)[0].encrypt(data, None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, purpose: str, token: str) -> bytes:
        """Decrypt a token that was sealed for `purpose`; TokenError for anything else."""
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
    """Return the secret keys of the settings, else the generated one in the data directory."""
    if settings.secret_keys:
        return Secrets(settings.secret_keys)
    return Secrets((_generated_key(settings.data_dir / "secret.key"),))


def _generated_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}")
    write_private(new, randomness.token_urlsafe(48))
    try:
        # A link fails if the file exists, so two processes that start together use the same key.
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink()
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file durably that only its owner can read (mode 0600)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
