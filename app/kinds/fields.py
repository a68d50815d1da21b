"""The types of a question's fields: text, slugs, addresses, dates, and lists without duplicates."""

from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.core.fields import SLUG_PATTERN
from app.kinds import limits
from app.kinds.declarations.text_type import TextType

T = TypeVar("T")

Difficulty = Literal["easy", "medium", "hard"]
Level = Literal["intern", "fresher", "experienced", "advanced"]


class Part(BaseModel):
    """A part of a question: strict types, and no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values; a part that holds parts or decimals overrides this."""
        return self.__dict__.copy()


def not_blank(max_length: int) -> StringConstraints:
    """Return the constraints of text that is not blank."""
    return StringConstraints(min_length=1, max_length=max_length, pattern=r"\S")


def without_duplicates(values: list[T]) -> list[T]:
    """Return the list; raise ValueError if it contains a value twice."""
    if len(values) > 1 and len(set(values)) < len(values):
        message = "A value is repeated"
        raise ValueError(message)
    return values


def _not_an_id(slug: str) -> str:
    if len(slug) in {32, 36}:
        try:
            UUID(slug)
        except ValueError:
            return slug
        message = "A slug must not have the form of an id"
        raise ValueError(message)
    return slug


def _web_address(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        message = "An address such as https://example.org/page"
        raise ValueError(message)
    return url


def _existing_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        message = "A date such as 2026-01-31"
        raise ValueError(message) from error
    return text


Slug = Annotated[
    str,
    StringConstraints(min_length=1, max_length=limits.SLUG, pattern=SLUG_PATTERN),
    AfterValidator(_not_an_id),
    TextType.DATA,
]
Url = Annotated[
    str,
    StringConstraints(
        max_length=limits.URL, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20\x7f<>\"\\^`{|}]+$"
    ),
    AfterValidator(_web_address),
    TextType.DATA,
]
DateText = Annotated[
    str,
    StringConstraints(max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_existing_date),
    Field(json_schema_extra={"format": "date"}),
    TextType.DATA,
]
Language = Annotated[
    str,
    StringConstraints(max_length=limits.LANGUAGE, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    TextType.DATA,
]
UNIQUE = Field(json_schema_extra={"uniqueItems": True})
