"""Short text: a word or a few, compared with the texts that are accepted."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.kinds import limits
from app.kinds.content import Content
from app.kinds.declarations.text_type import TextType
from app.kinds.fields import Part, not_blank


class Accepted(Part):
    """The texts that are right; `folded` ignores case, spaces, diacritics and width."""

    accept: list[Annotated[str, not_blank(limits.ACCEPTED_TEXT), TextType.PLAIN]] = Field(
        min_length=1, max_length=limits.ACCEPTED_TEXTS
    )
    match: Literal["folded", "exact"] = "folded"


class ShortText(Content):
    """A question whose response is a word or a few."""

    CSV_COLUMNS: ClassVar = {"accept": "answer/accept", "match": "answer/match"}

    kind: Literal["short_text"]
    answer: Accepted
