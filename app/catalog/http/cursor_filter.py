"""The filter inside a cursor or mark, and the check of the parameters that are sent beside it."""

import hashlib
from collections.abc import Iterable

from app.core.errors import FieldError, Problem, invalid
from app.core.http.query_string import Pairs
from app.published.question_filter import (
    FILTER_NAMES,
    QuestionFilter,
    differing_parameters,
    filter_from_canonical,
)

# A longer filter is replaced by its hash, and the client has to send it again: a query string with
# both the filter and a cursor that contains it would be too long.
MAX_PACKED_CHARACTERS = 1_500
HASH_PREFIX = "#"


def pack_filter(question_filter: QuestionFilter) -> str:
    """Return the text that stands for a filter in a cursor: canonical JSON, or a hash of it."""
    canonical = question_filter.canonical()
    if len(canonical) <= MAX_PACKED_CHARACTERS:
        return canonical
    return HASH_PREFIX + hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def restore_filter(pairs: Pairs, sent: QuestionFilter, packed: str) -> QuestionFilter:
    """Return the filter of a cursor; `sent` is the filter that `pairs` contain beside it.

    Problem invalid_request naming each parameter that differs, or that has to be sent again.
    """
    if packed.startswith(HASH_PREFIX):
        if pack_filter(sent) == packed:
            return sent
        detail = "The filter is too long for a cursor: send it again, unchanged, beside it."
        raise invalid(FieldError("invalid_value", detail, parameter="cursor"))
    original = filter_from_canonical(packed)
    sent_names = {name for name, _ in pairs if name in FILTER_NAMES}
    wrong = sent_names.intersection(differing_parameters(sent, original))
    if wrong:
        raise differs_from_cursor(sorted(wrong))
    return original


def differs_from_cursor(names: Iterable[str]) -> Problem:
    """Return the 422 for parameters that differ from those a cursor or mark was made with."""
    detail = "It differs from what the cursor or mark was made with; leave it out."
    return invalid(*(FieldError("invalid_value", detail, parameter=name) for name in names))
