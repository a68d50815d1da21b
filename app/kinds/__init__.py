"""Pure: the kinds of question, one module each.

The content type of a kind declares its fields, which of them are public, and the type of each text.
Other packages read these declarations instead of naming kinds.
"""

from app.kinds.declarations.csv_columns import CsvColumn
from app.kinds.declarations.details import KindDetails
from app.kinds.declarations.leaves import EACH, Leaf, Path, values_at
from app.kinds.declarations.text_type import TextType
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
