"""Pure: the kinds of question, one module each.

A content type says what a question of its kind contains, what of it is public, and how its texts
are treated; the other packages read that from here.
"""

from app.kinds.csv_columns import CsvColumn
from app.kinds.details import KindDetails
from app.kinds.leaves import EACH, Leaf, Path, values_at
from app.kinds.registry import (
    DETAILS,
    KINDS,
    MARKDOWN_PATHS,
    MODELS,
    QuestionContent,
    answer_part,
    content_values,
    give_item_ids,
    parse_content,
    public_part,
)
from app.kinds.text_type import TextType

__all__ = [
    "DETAILS",
    "EACH",
    "KINDS",
    "MARKDOWN_PATHS",
    "MODELS",
    "CsvColumn",
    "KindDetails",
    "Leaf",
    "Path",
    "QuestionContent",
    "TextType",
    "answer_part",
    "content_values",
    "give_item_ids",
    "parse_content",
    "public_part",
    "values_at",
]
