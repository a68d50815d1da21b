"""What searching answers, and what editors of synonyms send and get back."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.catalog.schemas import NODES, DeliveredQuestion, FacetCount
from app.core.fields import Name
from app.search.text.words import words

MAX_PHRASE = 100
MAX_PHRASE_WORDS = 10
MAX_PHRASES = 50

EXAMPLE: dict[str, Any] = {"words": ["overfitting", "overfit", "too complex model"]}


def _phrase(text: str) -> str:
    count = sum(1 for word in words(text) if not word.joined)
    if not 1 <= count <= MAX_PHRASE_WORDS:
        message = f"From one word to {MAX_PHRASE_WORDS}"
        raise ValueError(message)
    return text


Phrase = Annotated[Name, Field(max_length=MAX_PHRASE), AfterValidator(_phrase)]


class SynonymsWrite(BaseModel):
    """Words and phrases that mean the same; whoever searches for one finds the others."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    words: list[Phrase] = Field(
        min_length=2,
        max_length=MAX_PHRASES,
        description="what differs only by case, accents or hyphens counts as one",
    )


class SynonymsRead(BaseModel):
    """A group of synonyms as its editors see it."""

    id: UUID
    words: list[str]
    etag: str = Field(description="for If-Match")


class Highlight(BaseModel):
    """Texts of one question, escaped for a page, with `<mark>` around what was found."""

    stem: str


class Reason(BaseModel):
    """Why nothing was found."""

    corrected: str | None = Field(description="the query as it would be read without the filter")
    excluded_by: str | None = Field(
        description="`filter` where the filter excludes all that the words find; open enum"
    )
    without_filter: int = Field(description="how many would be found without it, at most 1,000")


class SearchPage(BaseModel):
    """One page of what was found, best first."""

    items: list[DeliveredQuestion]
    highlights: dict[str, Highlight] = Field(
        description="by id; where the words stand in the stem as it is now"
    )
    total: int = Field(description="how many were found; see `total_capped`")
    total_capped: bool = Field(description="whether there are more than `total` says")
    facets: dict[str, list[FacetCount]] | None = Field(
        None, description="with `facets=true` only, of at most 1,000 questions"
    )
    corrected: str | None = Field(description="the query with its misspelt words put right")
    engine: str = Field(description="what searched: `embedded` or `meilisearch`; open enum")
    reason: Reason | None = Field(description="why nothing was found; null where something was")
    next_cursor: str | None = Field(description="the cursor of the next page; null at the end")
    nodes: dict[str, list[Any]] | None = Field(None, description=NODES)
