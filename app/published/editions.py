"""The edition that answers carry: a mark, sealed, so that clients can hold it and learn nothing."""

from functools import lru_cache

from app.core.clock import Mark
from app.core.errors import Problem
from app.core.secrets import Secrets, TokenError

PURPOSE = "edition"


class Editions:
    """Seals and opens `Quizwell-Edition`."""

    def __init__(self, secrets: Secrets) -> None:
        """Seal with `secrets`."""
        self._secrets = secrets
        self.seal = lru_cache(maxsize=1024)(self._seal)

    def _seal(self, mark: Mark) -> str:
        data = f"{mark.epoch}:{mark.seq}:{mark.terms}".encode()
        return self._secrets.seal(PURPOSE, data)

    def open(self, text: str) -> Mark:
        """Return the mark; Problem edition_ahead for what this deployment never sealed."""
        try:
            epoch, seq, terms = self._secrets.open(PURPOSE, text).decode().split(":")
        except TokenError as error:
            message = "Quizwell-Min-Edition is not an edition of this service."
            raise Problem("edition_ahead", message) from error
        return Mark(epoch, int(seq), int(terms))
