"""What delivery answers, for OpenAPI; the bytes themselves are made without these models."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.kinds.schema_fields import with_public_fields

NODES = "trees of each text by JSON pointer, with `format=nodes` only"


class Evidence(BaseModel):
    """How it is known that a company asked the question; null is not known."""

    source: str | None
    first_seen: str | None
    last_seen: str | None
    times_seen: int | None


class Source(BaseModel):
    """Where the question comes from."""

    title: str | None
    url: str | None


class DeliveredOption(BaseModel):
    """One option of a choice."""

    id: str
    text: str


@with_public_fields
class DeliveredQuestion(BaseModel):
    """A published question; `options` and what follows as the kind has them."""

    id: UUID
    revision: int
    bank: str
    kind: str = Field(description="open enum; see docs/questions.md")
    stem: str = Field(description="CommonMark, or as `format` says")
    hints: list[str]
    categories: list[str]
    companies: list[str]
    evidence: dict[str, Evidence] = Field(description="by company")
    tags: list[str]
    difficulty: str
    levels: list[str]
    language: str
    points: float
    time_seconds: int | None
    media: list[Any]
    source: Source | None
    licence: str | None
    published_at: datetime
    updated_at: datetime
    options: list[DeliveredOption] | None = Field(None, description="of choices")
    unit: str | None = Field(None, description="of numeric questions")
    programming_language: str | None = Field(None, description="of code")
    starter: str | None = Field(None, description="of code")
    answer: dict[str, Any] | None = Field(None, description="with `answers=true` only, by kind")
    explanation: str | None = Field(None, description="with `answers=true` only")
    feedback: dict[str, str] | None = Field(
        None, description="with `answers=true` only, by option id"
    )
    nodes: dict[str, list[Any]] | None = Field(None, description="of a single question: " + NODES)


class QuestionPage(BaseModel):
    """One page of questions."""

    items: list[DeliveredQuestion]
    total: int = Field(description="how many match, exactly")
    next_cursor: str | None = Field(description="the cursor of the next page; null at the end")
    nodes: dict[str, list[Any]] | None = Field(None, description=NODES)


class FacetCount(BaseModel):
    """A value, and how many questions have it."""

    slug: str
    name: str
    count: int


class Facets(BaseModel):
    """Counts of every value that matching questions have."""

    total: int = Field(description="how many match the whole filter")
    facets: dict[str, list[FacetCount]] = Field(description="open: facets may be added")


class Counted(BaseModel):
    """A term or bank, and how many questions the caller sees there under the filter."""

    slug: str
    name: str
    description: str
    aliases: list[str]
    count: int


class CountedCategory(Counted):
    """A category; its count includes everything below it."""

    parent: str | None


class CountedTag(Counted):
    """A tag."""

    group: str | None


class CountedPage(BaseModel):
    """One page of companies or banks."""

    items: list[Counted]
    total: int
    next_cursor: str | None


class CategoryPage(BaseModel):
    """One page of categories."""

    items: list[CountedCategory]
    total: int
    next_cursor: str | None


class TagPage(BaseModel):
    """One page of tags."""

    items: list[CountedTag]
    total: int
    next_cursor: str | None


class Changes(BaseModel):
    """What to put into a copy, and what to take out of it."""

    items: list[DeliveredQuestion]
    deleted: list[UUID] = Field(description="ids that do not match now; perhaps never held")
    mark: str = Field(description="send it as `after` next time")
    more: bool = Field(description="whether another page follows at once")
    nodes: dict[str, list[Any]] | None = Field(None, description=NODES)
