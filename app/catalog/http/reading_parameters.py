"""The parameters of every route that delivers questions: `answers` and `format`."""

from app.catalog.text.text_formats import FORMATS, MARKDOWN
from app.core.http.query_string import (
    Pairs,
    Parameter,
    boolean,
    one_of,
    reject_unknown,
    single_value,
)

ANSWERS = Parameter(
    "answers",
    "Add `answer`, `explanation` and `feedback` to each question. Without `bank`, only the banks "
    "whose answers the caller may read are used; 403 `answers_not_allowed` if there is none.",
    {"type": "boolean", "default": False},
)
FORMAT = Parameter(
    "format",
    "The format of texts: CommonMark, sanitised HTML, plain text, or CommonMark with a separate "
    "tree of nodes for each text.",
    {"type": "string", "enum": list(FORMATS), "default": MARKDOWN},
)

READING_PARAMETERS = (ANSWERS, FORMAT)
_KNOWN = (ANSWERS.name, FORMAT.name)
_known_format = one_of(*FORMATS)


def parse_reading_parameters(pairs: Pairs) -> tuple[bool, str]:
    """Return whether the request asks for answers, and the text format.

    Problem invalid_request for any other parameter.
    """
    if not pairs:
        return False, MARKDOWN
    reject_unknown(pairs, _KNOWN)
    return parse_answers(pairs), parse_format(pairs)


def parse_answers(pairs: Pairs) -> bool:
    """Return whether the request asks for answers."""
    return single_value(pairs, ANSWERS.name, boolean, default=False)


def parse_format(pairs: Pairs) -> str:
    """Return the text format that the request asks for."""
    return single_value(pairs, FORMAT.name, _known_format, MARKDOWN)
