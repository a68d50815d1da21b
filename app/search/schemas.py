"""Schemas of searches, and of the requests and responses of synonym groups."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.catalog.schemas import NODES, DeliveredQuestion, FacetCount
from app.core.fields import Name
from app.search.text.tokenizer import tokenize

MAX_PHRASE_CHARACTERS = 100
MAX_PHRASE_WORDS = 10
MAX_PHRASES_PER_GROUP = 50

SYNONYMS_EXAMPLE: dict[str, Any] = {"words": ["overfitting", "overfit", "too complex model"]}


def _checked_phrase(text: str) -> str:
    count = sum(1 for token in tokenize(text) if not token.is_compound)
    if not 1 <= count <= MAX_PHRASE_WORDS:
        message = f"From one word to {MAX_PHRASE_WORDS}"
        raise ValueError(message)
    return text


Phrase = Annotated[Name, Field(max_length=MAX_PHRASE_CHARACTERS), AfterValidator(_checked_phrase)]


class SynonymsWrite(BaseModel):
    """Words and phrases with the same meaning: a search for one finds the others too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SYNONYMS_EXAMPLE]})

    words: list[Phrase] = Field(
        min_length=2,
        max_length=MAX_PHRASES_PER_GROUP,
        description="phrases that differ only by case, accents or hyphens count as one",
    )


class SynonymsRead(BaseModel):
    """A group of synonyms as editors see it."""

    id: UUID
    words: list[str]
    etag: str = Field(description="for If-Match")


class Highlight(BaseModel):
    """Texts of one question as escaped HTML, with `<mark>` around what matched."""

    stem: str


class Reason(BaseModel):
    """Why nothing was found."""

    corrected: str | None = Field(description="the corrected query of a search without the filter")
    excluded_by: str | None = Field(
        description="`filter` if the filter excludes every match of the query; open enum"
    )
    without_filter: int = Field(description="number of matches without the filter, at most 1,000")


class SearchPage(BaseModel):
    """One page of the questions that match, best first."""

    items: list[DeliveredQuestion]
    highlights: dict[str, Highlight] = Field(
        description="by id: the current stem with what matched marked"
    )
    total: int = Field(description="number of matches; see `total_capped`")
    total_capped: bool = Field(description="whether there are more matches than `total`")
    facets: dict[str, list[FacetCount]] | None = Field(
        None, description="only with `facets=true`; counts over at most 1,000 matches"
    )
    corrected: str | None = Field(
        description="the query with its misspelt words corrected; null if none was"
    )
    engine: str = Field(
        description="the engine that searched: `embedded` or `meilisearch`; open enum"
    )
    reason: Reason | None = Field(description="why nothing was found; null if something was")
    next_cursor: str | None = Field(description="the cursor of the next page; null at the end")
    nodes: dict[str, list[Any]] | None = Field(None, description=NODES)
