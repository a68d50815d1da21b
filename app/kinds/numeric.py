"""Numeric: a number within a tolerance, in a unit."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from app.kinds import limits
from app.kinds.content import Content, PublicPart
from app.kinds.decimals import DecimalText, decimal_text
from app.kinds.declarations.text_type import Plain, TextType
from app.kinds.fields import Part, not_blank


def _not_negative(tolerance: Decimal) -> Decimal:
    if tolerance < 0:
        message = "A tolerance is not negative"
        raise ValueError(message)
    return tolerance


class Number(Part):
    """The right number and its tolerance; a `relative` tolerance is a fraction of the number."""

    value: DecimalText
    tolerance: Annotated[DecimalText, AfterValidator(_not_negative)] = Decimal(0)
    tolerance_kind: Literal["absolute", "relative"] = "absolute"

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values, the numbers as decimal strings."""
        return {
            "value": decimal_text(self.value),
            "tolerance": decimal_text(self.tolerance),
            "tolerance_kind": self.tolerance_kind,
        }


class PublicNumeric(PublicPart):
    """The field that a numeric question adds to a delivered question."""

    unit: Plain | None


class Numeric(Content):
    """A question whose response is a number."""

    CSV_COLUMNS: ClassVar = {
        "value": "answer/value",
        "tolerance": "answer/tolerance",
        "tolerance_kind": "answer/tolerance_kind",
        "unit": "unit",
    }

    kind: Literal["numeric"]
    unit: Annotated[str, not_blank(limits.UNIT), TextType.PLAIN] | None = Field(
        default=None, description="plain text"
    )
    answer: Number

    def public_part(self) -> PublicNumeric:
        """Return the unit."""
        return {"unit": self.unit}
