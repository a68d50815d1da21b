"""Types of fields that several rooms use: slugs, names, descriptions, times."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

MAX_SLUG = 64
MAX_NAME = 200
MAX_DESCRIPTION = 4000
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
# The profile of RFC 3339 that is accepted: `T` and `Z` in upper case, at most microseconds.
RFC3339_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)

_SLUG = re.compile(SLUG_PATTERN[1:-1])
_LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


def is_slug(text: str) -> bool:
    """Return whether `text` is a valid slug: it matches the pattern, is short and is no UUID."""
    return len(text) <= MAX_SLUG and bool(_SLUG.fullmatch(text)) and not is_uuid(text)


def is_uuid(text: str) -> bool:
    """Return whether `text` is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _checked_slug(text: str) -> str:
    if not is_slug(text):
        message = "A slug that does not have the form of an id"
        raise ValueError(message)
    return text


def _checked_name(text: str) -> str:
    plain = " ".join(text.split())
    if not plain or any(unicodedata.category(char) == "Cc" for char in plain):
        message = "Plain text that is not empty, without control characters"
        raise ValueError(message)
    return plain


def _parsed_time(value: object) -> datetime:
    if not isinstance(value, str) or not RFC3339_TIME.fullmatch(value):
        message = "A time such as 2026-01-31T12:00:00Z"
        raise ValueError(message)
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError as error:
        message = "A time of the years 1 to 9999"
        raise ValueError(message) from error
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Slug = Annotated[
    str, Field(max_length=MAX_SLUG, pattern=SLUG_PATTERN), AfterValidator(_checked_slug)
]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_checked_name)]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]
Language = Annotated[
    str, Field(max_length=35, pattern=_LANGUAGE, description="BCP 47"), AfterValidator(str.lower)
]
Moment = Annotated[
    datetime,
    BeforeValidator(_parsed_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
