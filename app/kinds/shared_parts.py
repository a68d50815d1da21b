"""The parts that questions of every kind may have: source, evidence and media."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.kinds import limits
from app.kinds.declarations.text_type import TextType
from app.kinds.fields import DateText, Part, Url, not_blank


class Source(Part):
    """Where a question comes from."""

    title: Annotated[str, not_blank(limits.SOURCE_TITLE), TextType.PLAIN] | None = Field(
        default=None, description="plain text"
    )
    url: Url | None = None

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if self.title is None and self.url is None:
            message = "A source has a title, a url, or both"
            raise ValueError(message)
        return self


class Evidence(Part):
    """How it is known that a company asks a question; null where it is not known."""

    source: Annotated[str, not_blank(limits.SOURCE_TITLE), TextType.PLAIN] | None = None
    first_seen: DateText | None = None
    last_seen: DateText | None = None
    times_seen: Annotated[int, Field(ge=0, le=limits.TIMES_SEEN)] | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.first_seen and self.last_seen and self.first_seen > self.last_seen:
            message = "first_seen is a date before last_seen, or the same"
            raise ValueError(message)
        return self


class Media(Part):
    """A file that a question shows."""

    url: Annotated[Url, Field(max_length=limits.MEDIA_URL)]
    alt: Annotated[str, TextType.PLAIN] | None = Field(
        default=None, max_length=limits.MEDIA_ALT, description="alternative text, plain"
    )
