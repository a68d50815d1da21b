"""Numeric: a number within a tolerance, in a unit."""

from decimal import Decimal
from typing import Annotated, Any, Literal, TypedDict

from pydantic import AfterValidator, Field

from app.kinds import limits
from app.kinds.content import AnswerPart, Content
from app.kinds.decimals import DecimalText, decimal_text
from app.kinds.fields import Part, filled


def _not_negative(tolerance: Decimal) -> Decimal:
    if tolerance < 0:
        message = "A tolerance is not negative"
        raise ValueError(message)
    return tolerance


class Number(Part):
    """The right number and how far from it is still right; `relative` is to the number."""

    value: DecimalText
    tolerance: Annotated[DecimalText, AfterValidator(_not_negative)] = Decimal(0)
    tolerance_kind: Literal["absolute", "relative"] = "absolute"

    def values(self) -> dict[str, Any]:
        """Return it with its numbers as decimal strings."""
        return {
            "value": decimal_text(self.value),
            "tolerance": decimal_text(self.tolerance),
            "tolerance_kind": self.tolerance_kind,
        }


class PublicNumeric(TypedDict):
    """What a numeric question adds to a delivered question."""

    unit: str | None


class Numeric(Content):
    """A question that a number answers."""

    kind: Literal["numeric"]
    unit: Annotated[str, filled(limits.UNIT)] | None = Field(default=None, description="plain text")
    answer: Number

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"answer": self.answer.values()}

    def public_part(self) -> PublicNumeric:
        """Return the unit."""
        return {"unit": self.unit}

    def answer_part(self) -> AnswerPart:
        """Return the number and its tolerance."""
        return {
            "answer": self.answer.values(),
            "explanation": self.explanation,
            "feedback": {},
        }
