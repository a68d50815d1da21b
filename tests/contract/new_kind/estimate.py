"""Estimate: a range that a number lies in. Its content fits into a row of a CSV."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from app.kinds import limits
from app.kinds.content import Content, PublicPart
from app.kinds.decimals import DecimalText, decimal_text
from app.kinds.declarations.text_type import Markdown, Name, TextType
from app.kinds.fields import Part, not_blank


class Range(Part):
    """The smallest and the largest right number, and a remark."""

    low: DecimalText
    high: DecimalText
    strict: bool = False
    remark: Annotated[str, not_blank(limits.EXPLANATION), TextType.MARKDOWN] | None = None
    sources: list[Annotated[str, not_blank(limits.SOURCE_TITLE), TextType.PLAIN]] = Field(
        default=[], max_length=limits.OPTIONS
    )

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values, the numbers as decimal strings."""
        return super().values() | {"low": decimal_text(self.low), "high": decimal_text(self.high)}


class PublicEstimate(PublicPart):
    """The fields that an estimate adds to a delivered question."""

    context: Markdown | None
    quantity: Name


class Estimate(Content):
    """A quantity to estimate."""

    CSV_COLUMNS: ClassVar = {
        "context": "context",
        "quantity": "quantity",
        "low": "answer/low",
        "high": "answer/high",
        "strict": "answer/strict",
        "remark": "answer/remark",
        "sources": "answer/sources",
    }

    kind: Literal["estimate"]
    context: Annotated[str, not_blank(limits.STEM), TextType.MARKDOWN] | None = None
    quantity: Annotated[str, not_blank(limits.UNIT), TextType.NAME]
    answer: Range

    def public_part(self) -> PublicEstimate:
        """Return the context and the quantity."""
        return {"context": self.context, "quantity": self.quantity}
