"""True or false: a statement to judge."""

from typing import Any, Literal, TypedDict

from app.kinds.content import AnswerPart, Content
from app.kinds.fields import Part


class Truth(Part):
    """Whether the statement is true."""

    value: bool


class PublicStatement(TypedDict):
    """A statement adds nothing to a delivered question."""


class TrueFalse(Content):
    """A statement that is true or false."""

    kind: Literal["true_false"]
    answer: Truth

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"answer": {"value": self.answer.value}}

    def public_part(self) -> PublicStatement:
        """Return nothing: the stem is all of it."""
        return {}

    def answer_part(self) -> AnswerPart:
        """Return whether it is true."""
        return {
            "answer": {"value": self.answer.value},
            "explanation": self.explanation,
            "feedback": {},
        }
