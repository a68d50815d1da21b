"""Pure: words in a row within some fields of an index, the least that can be looked for."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

# In the order of what a word is worth by being found there; only the last may be secret.
FIELDS = ("stem", "options", "terms", "hints", "answer")


class Scope(IntEnum):
    """How many of the fields count: the stem alone, all that is public, or answers as well."""

    STEM = 1
    PUBLIC = len(FIELDS) - 1
    EVERY = len(FIELDS)

    @staticmethod
    def of(*, answers: bool) -> "Scope":
        """Return the fields that are searched."""
        return Scope.EVERY if answers else Scope.PUBLIC


class Spelling(NamedTuple):
    """Words in a row; the last may go on where `prefix` is set."""

    words: tuple[str, ...]
    prefix: bool
    scope: Scope

    @property
    def needle(self) -> str:
        """How it stands in a field."""
        return standing(self.words, prefix=self.prefix)


def standing(words: Sequence[str], *, prefix: bool) -> str:
    """Return how words in a row stand in a field, whose words stand between spaces."""
    return f" {' '.join(words)}{'' if prefix else ' '}"
