"""Request and response bodies of banks and keys."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.access.scopes import Scope
from app.core.fields import MAX_SLUG, Description, Language, Moment, Name, Slug

# `app.core.rates.parse_rate` accepts all of these.
RATE_PATTERN = r"^(off|[1-9][0-9]{0,8}/(second|minute|hour|day))$"
MAX_BANKS = 1000
MAX_ORIGINS = 100
WILDCARD = ["*"]

Access = Literal["public", "restricted"]
Exposure = Literal["open", "exam"]
Reveal = Literal["never", "score", "key"]
Kind = Literal["secret", "publishable"]
BankName = Annotated[str, Field(max_length=MAX_SLUG, pattern=r"^(\*|[a-z0-9]+(-[a-z0-9]+)*)$")]
Origin = Annotated[
    str,
    Field(
        max_length=300,
        pattern=r"^(\*|https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?)$",
        description="as browsers send it: scheme and host, a port if it is not the usual one",
    ),
]

BANK_EXAMPLE: dict[str, Any] = {
    "slug": "science",
    "name": "Science",
    "description": "Questions for the first year.",
    "language": "en",
    "read": "public",
    "answers": "restricted",
    "exposure": "open",
    "reveal": "score",
}
KEY_EXAMPLE: dict[str, Any] = {
    "name": "Editors of science",
    "kind": "secret",
    "scopes": ["questions:write", "questions:publish"],
    "banks": ["science"],
    "origins": [],
    "expires_at": "2027-01-31T12:00:00Z",
    "rate": "600/minute",
}


class BankWrite(BaseModel):
    """A bank with its reading rules; rules more open than the defaults need `admin`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [BANK_EXAMPLE]})

    slug: Slug
    name: Name
    description: Description = ""
    language: Language = "en"
    read: Access = Field("restricted", description="who may read its published questions")
    answers: Access = Field("restricted", description="who may read their answers")
    exposure: Exposure = Field("open", description="exam: visible only in attempts and to editors")
    reveal: Reveal = Field("score", description="the most that its assessed attempts reveal")


class BankRead(BaseModel):
    """A bank with its rules."""

    slug: str
    name: str
    description: str
    language: str
    read: str
    answers: str
    exposure: str
    reveal: str
    etag: str = Field(description="for If-Match")


class KeyWrite(BaseModel):
    """A new key: its scopes, banks, expiry and rate are at most those of the key that makes it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [KEY_EXAMPLE]})

    name: Name
    kind: Kind
    scopes: list[Scope] = Field([], max_length=50, description="none for a publishable key")
    banks: list[BankName] = Field(
        min_length=1,
        max_length=MAX_BANKS,
        description='slugs, or ["*"] for all, including later ones',
    )
    origins: list[Origin] = Field(
        [],
        max_length=MAX_ORIGINS,
        description='for a publishable key: pages that may use it, or ["*"] for native apps',
    )
    expires_at: Moment | None = Field(
        None, description="by default when the key that makes it expires"
    )
    rate: str | None = Field(
        None,
        pattern=RATE_PATTERN,
        description="by default that of the key that makes it, else QUIZWELL_RATE_KEY",
    )

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        for given in (self.banks, self.origins):
            if "*" in given and given != WILDCARD:
                message = '"*" must be the only item'
                raise ValueError(message)
        if self.kind == "secret" and self.origins:
            message = "Only a publishable key has `origins`"
            raise ValueError(message)
        if self.kind == "publishable" and (
            self.scopes or self.banks == WILDCARD or not self.origins
        ):
            message = "A publishable key has no `scopes`, names its `banks` and its `origins`"
            raise ValueError(message)
        return self


class KeyRead(BaseModel):
    """A key without its secret."""

    id: UUID
    prefix: str = Field(description="the beginning of its secret")
    name: str
    kind: str
    scopes: list[str]
    banks: list[str]
    origins: list[str]
    expires_at: datetime | None
    rate: str | None
    made_by: UUID | None = Field(description="null: by the service itself")
    last_used_at: datetime | None = Field(description="to the minute")
    etag: str = Field(description="for If-Match")


class KeyMade(KeyRead):
    """A new key with its secret."""

    secret: str | None = Field(
        description="shown once: null when the request is repeated with its Idempotency-Key"
    )
