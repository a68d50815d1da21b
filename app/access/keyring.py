"""The keys of a moment, in memory: from a header's bytes to the caller."""

import hashlib
from collections.abc import Iterable

from app.access.models import ApiKey
from app.access.rights import ANONYMOUS, Caller
from app.core import time_and_random
from app.core.errors import Problem

BEARER = b"bearer "
MAX_CACHED = 10_000
MAX_CACHED_BYTES = 200


def digest_of(secret: str) -> str:
    """Return what is kept of a secret: its SHA-256, as secrets are long and random."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Keyring:
    """Every key that is not revoked."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        """Take the rows of the keys."""
        self._by_digest = {key.digest: caller_of(key) for key in keys}
        self._by_header: dict[bytes, Caller] = {}

    def caller(self, headers: dict[bytes, bytes]) -> Caller:
        """Return who sent these headers.

        Problem invalid_key for a key that is unknown or expired, origin_not_allowed for a
        publishable key on another page.
        """
        header = headers.get(b"authorization")
        if header is None:
            return ANONYMOUS
        caller = self._by_header.get(header)
        if caller is None:
            caller = self._find(header)
            if len(self._by_header) < MAX_CACHED and len(header) <= MAX_CACHED_BYTES:
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
        found = self._by_digest.get(digest)
        if found is None:
            raise invalid_key()
        return found


def invalid_key() -> Problem:
    """Return the one 401 for every key that does not count."""
    message = "The key is unknown, expired or revoked."
    return Problem("invalid_key", message, headers={"WWW-Authenticate": "Bearer"})


def caller_of(key: ApiKey) -> Caller:
    """Return what a key's row lets its bearer do."""
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
        message = "The key is for other pages than the one that sent this request."
        raise Problem("origin_not_allowed", message)
