"""The parameters of every route that delivers questions: `answers` and `format`."""

from app.catalog.text.text_formats import FORMATS, MARKDOWN
from app.core.http.query_string import Pairs, Parameter, boolean, one_of, take

ANSWERS = Parameter(
    "answers",
    "Add `answer`, `explanation` and `feedback` to each question. Without `bank` this narrows to "
    "the banks whose answers the caller may read; 403 `answers_not_allowed` where there is none.",
    {"type": "boolean", "default": False},
)
FORMAT = Parameter(
    "format",
    "How texts are given: CommonMark, sanitised HTML, plain text, or CommonMark with trees of "
    "nodes beside it.",
    {"type": "string", "enum": list(FORMATS), "default": MARKDOWN},
)

_one_format = one_of(*FORMATS)


def take_answers(pairs: Pairs) -> bool:
    """Return whether answers are asked for."""
    return take(pairs, ANSWERS.name, boolean, default=False)


def take_format(pairs: Pairs) -> str:
    """Return the text format that is asked for."""
    return take(pairs, FORMAT.name, _one_format, MARKDOWN)
