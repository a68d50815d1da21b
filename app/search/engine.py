"""The narrow protocol between search and its engines, and what passes through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from pyroaring import BitMap

from app.core.db.edition_clock import Mark
from app.published.question_filter import QuestionFilter

# What stands around a highlighted word until the text is escaped: private use, never in a question.
MARK_START = "\ue000"
MARK_END = "\ue001"

Synonyms = Mapping[str, tuple[str, ...]]


class EngineUnavailableError(Exception):
    """The engine cannot answer now; the message says why, and holds nothing secret."""


class Tier(IntEnum):
    """What matched, best first; corrected words repeat the first four behind them."""

    PHRASE = 0
    NEAR = 1
    STEM = 2
    ALL = 3
    CORRECTED = 4
    FEWER = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One search, resolved.

    `text` is the cleaned query, never empty; `banks` are those to search, sorted; `answer_banks`
    those of them whose answer text may be searched as well; `members` holds every question that
    may be found (live, readable, matching `filter`); `limit` hits are wanted behind `offset`.
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
    """A question found; smaller tiers come first, within a tier greater scores.

    `stem` is the stem as plain text with MARK_START and MARK_END around what matched; it belongs
    to `revision`.
    """

    number: int
    revision: int
    tier: int
    score: float
    stem: str


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first; `more`: others follow; `corrected`: the query as it was read.

    `settled` is False where the same engine may find more soon, though nothing is published.
    """

    hits: list[Hit]
    more: bool
    corrected: str | None
    settled: bool = True


class Engine(Protocol):
    """What finds questions by text."""

    name: str

    @property
    def mark(self) -> Mark:
        """The state of what is public that the index has reached."""

    async def search(self, asked: Asked) -> Found:
        """Return the page of hits; EngineUnavailableError when there can be none now.

        May return hits outside `asked.members`: whoever asks drops them and asks for more.
        """

    async def numbers(self, searches: Sequence[Asked], most: int) -> list[list[int]]:
        """Return for each search the numbers of at most `most` questions that match.

        The searches are of one query, and differ in their filters only.
        """

    async def reach(self, wanted: Mark, seconds: float) -> bool:
        """Wait until the index holds the state `wanted`; False when that takes too long."""

    async def run(self) -> None:
        """Keep the index equal to what is public until cancelled."""
