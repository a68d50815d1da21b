"""The valid keys, in memory: finds the caller of a request by its Authorization header."""

import hashlib
from collections.abc import Iterable

from app.access.models import ApiKey
from app.access.rights import ANONYMOUS, Caller
from app.core import time_and_random
from app.core.errors import Problem

BEARER = b"bearer "
MAX_CACHED_HEADERS = 10_000
MAX_CACHED_HEADER_BYTES = 200


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret, which is stored; secrets are long and random."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Keyring:
    """All keys that are not revoked."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        """Hold the keys."""
        self._by_digest = {key.digest: caller_of(key) for key in keys}
        self._by_header: dict[bytes, Caller] = {}

    def authenticate(self, headers: dict[bytes, bytes]) -> Caller:
        """Return who sent a request with these headers.

        Problem invalid_key for a key that is unknown or expired, origin_not_allowed for a
        publishable key on another page.
        """
        header = headers.get(b"authorization")
        if header is None:
            return ANONYMOUS
        caller = self._by_header.get(header)
        if caller is None:
            caller = self._find(header)
            if len(self._by_header) < MAX_CACHED_HEADERS and len(header) <= MAX_CACHED_HEADER_BYTES:
                self._by_header[header] = caller
        if (
            caller.expires_at is not None
            and caller.expires_at * 1000 <= time_and_random.milliseconds()
        ):
            raise invalid_key()
        if caller.kind == "publishable":
            _check_origin(caller, headers)
        return caller

    def _find(self, header: bytes) -> Caller:
        if header[: len(BEARER)].lower() != BEARER:
            raise invalid_key()
        digest = digest_of(header[len(BEARER) :].strip().decode("latin-1"))
        caller = self._by_digest.get(digest)
        if caller is None:
            raise invalid_key()
        return caller


def invalid_key() -> Problem:
    """Return the 401 problem, the same for every key that is not valid."""
    message = "The key is unknown, expired or revoked."
    return Problem("invalid_key", message, headers={"WWW-Authenticate": "Bearer"})


def caller_of(key: ApiKey) -> Caller:
    """Return the caller that sends a key."""
    return Caller(
        key_id=key.id,
        kind="secret" if key.kind == "secret" else "publishable",
        scopes=frozenset(key.scopes),
        banks=None if key.banks == ["*"] else frozenset(key.banks),
        origins=tuple(key.origins),
        expires_at=None if key.expires_at is None else key.expires_at.timestamp(),
        rate=key.rate,
    )


def _check_origin(caller: Caller, headers: dict[bytes, bytes]) -> None:
    if "*" in caller.origins or headers.get(b"sec-fetch-site") == b"same-origin":
        return
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin not in caller.origins:
        message = "The key is not for the page that sent this request."
        raise Problem("origin_not_allowed", message)
