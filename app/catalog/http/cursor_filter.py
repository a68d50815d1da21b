"""What cursors and marks remember of a request, and what may stand beside them."""

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

# A longer filter is remembered by its hash: whoever sent it has to send it along, and a query
# string that holds both it and a whole copy of it would be too long.
MAX_HELD = 1_500
HASHED = "#"


def hold(asked: QuestionFilter) -> str:
    """Return what a cursor remembers of a filter."""
    canonical = asked.canonical()
    if len(canonical) <= MAX_HELD:
        return canonical
    return HASHED + hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def resume(pairs: Pairs, asked: QuestionFilter, held: str) -> QuestionFilter:
    """Return the filter that is gone on with; `asked` is what stands beside the cursor.

    Problem invalid_request naming each parameter that differs, or that has to be sent again.
    """
    sent = {name for name, _ in pairs if name in FILTER_NAMES}
    if held.startswith(HASHED):
        if hold(asked) == held:
            return asked
        detail = "The filter is too long for a cursor: send it again, unchanged, beside it."
        raise invalid(FieldError("invalid_value", detail, parameter="cursor"))
    begun = filter_from_canonical(held)
    wrong = sent.intersection(differing_parameters(asked, begun))
    if wrong:
        raise differs(sorted(wrong))
    return begun


def differs(names: Iterable[str]) -> Problem:
    """Return the 422 for parameters that differ from what a cursor or mark was made with."""
    detail = "It differs from what the cursor or mark was made with; leave it out."
    return invalid(*(FieldError("invalid_value", detail, parameter=name) for name in names))
