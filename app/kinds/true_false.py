"""True or false: a statement to judge."""

from typing import Any, ClassVar, Literal

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

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"answer": self.answer.values()}

    def correct_answer(self) -> Truth:
        """Return whether the statement is true."""
        return self.answer
