"""The protocol between the search service and its engines, and the types that pass through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from pyroaring import BitMap

from app.core.db.edition_clock import Mark
from app.published.question_filter import QuestionFilter

# They enclose a highlighted token until the text is escaped. `plain_text` removes private-use
# characters from every question, so no text can contain them.
HIGHLIGHT_START = "\ue000"
HIGHLIGHT_END = "\ue001"

# Other phrases with the same meaning, by phrase.
Synonyms = Mapping[str, tuple[str, ...]]


class EngineUnavailableError(Exception):
    """The engine cannot search at the moment; the message says why and is safe to publish."""


class Tier(IntEnum):
    """How well a question matches, best first.

    CORRECTED is also an offset: a match of corrected tokens has CORRECTED plus one of the first
    four tiers. PARTIAL plus n means that n groups of the query were not found.
    """

    PHRASE = 0
    NEAR = 1
    STEM = 2
    ANY_FIELD = 3
    CORRECTED = 4
    PARTIAL = 8


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search, resolved for its caller.

    `text` is the cleaned query, never empty; `banks` are the slugs to search, sorted;
    `answer_banks` those whose answers may be searched too; `members` are the numbers of all
    questions that may be found (live, readable, matching `filter`); `limit` and `offset` select
    the page of hits.
    """

    text: str
    banks: tuple[str, ...]
    answer_banks: frozenset[str]
    filter: QuestionFilter
    members: BitMap
    synonyms: Synonyms
    limit: int
    offset: int = 0


class Hit(NamedTuple):
    """A question that matches; smaller tiers come first, within a tier higher scores.

    `stem` is the stem of `revision` as plain text, with HIGHLIGHT_START and HIGHLIGHT_END around
    what matched.
    """

    number: int
    revision: int
    tier: int
    score: float
    stem: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of hits, best first.

    `more`: further hits follow. `corrected`: the query with its misspelt words corrected, None if
    no correction was needed. `complete` is False if the same search may soon find more although
    nothing was published: do not cache such a result.
    """

    hits: list[Hit]
    more: bool
    corrected: str | None
    complete: bool = True


class Engine(Protocol):
    """Finds questions by text."""

    name: str

    @property
    def mark(self) -> Mark:
        """The published state that the index has reached."""

    async def search(self, request: SearchRequest) -> SearchResult:
        """Return a page of hits; raise EngineUnavailableError if the engine cannot search now.

        Hits may lie outside `request.members`: the caller drops them and requests more.
        """

    async def matching_numbers(
        self, requests: Sequence[SearchRequest], limit: int
    ) -> list[list[int]]:
        """Return for each request the numbers of at most `limit` matching questions.

        The requests have the same query; only their filters differ.
        """

    async def wait_for_mark(self, wanted: Mark, seconds: float) -> bool:
        """Wait until the index has reached `wanted`; return False after `seconds`."""

    async def run(self) -> None:
        """Keep the index equal to the published questions until cancelled."""
