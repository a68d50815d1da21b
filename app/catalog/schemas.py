"""Response bodies of delivery, for OpenAPI. Responses are made of bytes, without these models."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.kinds.schema_fields import with_public_fields
from app.published.facet_models import with_facet_values

NODES = "trees of each text by JSON pointer, with `format=nodes` only"


class Evidence(BaseModel):
    """What is known about a company that asked the question; null where it is unknown."""

    source: str | None
    first_seen: str | None
    last_seen: str | None
    times_seen: int | None


class Source(BaseModel):
    """The source of the question."""

    title: str | None
    url: str | None


class DeliveredOption(BaseModel):
    """One option of a choice."""

    id: str
    text: str


@with_public_fields
@with_facet_values
class DeliveredQuestion(BaseModel):
    """A published question. `options` and the fields after it depend on the kind."""

    id: UUID
    revision: int
    bank: str
    kind: str = Field(description="open enum; see docs/questions.md")
    stem: str = Field(description="CommonMark, or the format that `format` names")
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
    total: int = Field(description="how many questions match")
    next_cursor: str | None = Field(description="the cursor of the next page; null at the end")
    nodes: dict[str, list[Any]] | None = Field(None, description=NODES)


class FacetCount(BaseModel):
    """A value of a facet, and how many questions have it."""

    slug: str
    name: str
    count: int


class Facets(BaseModel):
    """The values of each facet that matching questions have, with counts."""

    total: int = Field(description="how many questions match the filter")
    facets: dict[str, list[FacetCount]] = Field(description="open: later versions may add facets")


class Counted(BaseModel):
    """A term or bank, and how many of its questions match the filter."""

    slug: str
    name: str
    description: str
    aliases: list[str]
    count: int


class CountedCategory(Counted):
    """A category; its count includes its subcategories."""

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
    """The questions to add to a copy, and the ids to delete from it."""

    items: list[DeliveredQuestion]
    deleted: list[UUID] = Field(
        description="ids that do not match now; the copy may not have had them"
    )
    mark: str = Field(description="send it as `after` next time")
    more: bool = Field(description="whether another page is available now")
    nodes: dict[str, list[Any]] | None = Field(None, description=NODES)
