"""True or false: a statement to judge."""

from typing import ClassVar, Literal

from app.kinds.content import Content
from app.kinds.fields import Part


class Truth(Part):
    """Whether the statement is true."""

    value: bool


class TrueFalse(Content):
    """A statement that is true or false."""

    CSV_COLUMNS: ClassVar = {"correct": "answer/value"}

    kind: Literal["true_false"]
    answer: Truth
