"""Pure: what each kind of question holds, checks, shows and hides; a file a kind."""

from app.kinds.registry import (
    KINDS,
    MODELS,
    QuestionContent,
    answer_part,
    content_values,
    give_option_ids,
    parse_content,
    public_part,
)

__all__ = [
    "KINDS",
    "MODELS",
    "QuestionContent",
    "answer_part",
    "content_values",
    "give_option_ids",
    "parse_content",
    "public_part",
]
