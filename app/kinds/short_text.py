"""Short text: a word or a few, compared with the texts that are accepted."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from app.kinds import limits
from app.kinds.content import AnswerPart, Content
from app.kinds.fields import Part, filled


class Accepted(Part):
    """The texts that are right; `folded` overlooks case, spaces, diacritics and width."""

    accept: list[Annotated[str, filled(limits.ACCEPTED_TEXT)]] = Field(
        min_length=1, max_length=limits.ACCEPTED_TEXTS
    )
    match: Literal["folded", "exact"] = "folded"


class PublicText(TypedDict):
    """A short text adds nothing to a delivered question."""


class ShortText(Content):
    """A question that a word or a few answer."""

    kind: Literal["short_text"]
    answer: Accepted

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"answer": self.answer.__dict__.copy()}

    def public_part(self) -> PublicText:
        """Return nothing: the stem is all of it."""
        return {}

    def answer_part(self) -> AnswerPart:
        """Return the texts that are accepted."""
        return {
            "answer": self.answer.__dict__.copy(),
            "explanation": self.explanation,
            "feedback": {},
        }
