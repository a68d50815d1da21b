"""Pure: a phrase of tokens in some fields of an index; each phrase has one posting list."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

# The indexed fields, in the order of their weight. Only the last one may hold restricted answers.
FIELDS = ("stem", "options", "terms", "hints", "answer")


class FieldScope(IntEnum):
    """How many of FIELDS are searched: the stem alone, all public ones, or the answer as well."""

    STEM = 1
    PUBLIC = len(FIELDS) - 1
    ALL = len(FIELDS)

    @staticmethod
    def searched(*, with_answers: bool) -> "FieldScope":
        """Return the scope of a search that includes answers, or does not."""
        return FieldScope.ALL if with_answers else FieldScope.PUBLIC


class TokenPhrase(NamedTuple):
    """Tokens in a row; with `prefix` the last one may be the beginning of a longer token."""

    tokens: tuple[str, ...]
    prefix: bool
    scope: FieldScope

    @property
    def substring(self) -> str:
        """The phrase as a substring of a field that contains it."""
        return phrase_substring(self.tokens, prefix=self.prefix)


def phrase_substring(tokens: Sequence[str], *, prefix: bool) -> str:
    """Return the tokens as an indexed field contains them, each between spaces."""
    return f" {' '.join(tokens)}{'' if prefix else ' '}"
