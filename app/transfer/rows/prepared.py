"""What a row matched, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.kinds import QuestionContent
from app.transfer.formats.rows import Fault, Values

Change = Literal["create", "update", "publish", "keep"]


@dataclass(frozen=True, slots=True)
class Match:
    """A question as a row found it: its newest content, and where its revisions stand."""

    id: UUID
    content: Values
    state: str
    revision: int
    published_revision: int | None
    external_id: str | None


@dataclass(slots=True)
class Prepared:
    """What one row comes to: a change, or faults.

    `external_id` is the one that the question is to have; `keys` are the same for rows that mean
    the same question, and empty where no other row can mean it.
    """

    line: int
    change: Change = "keep"
    match: Match | None = None
    external_id: str | None = None
    content: QuestionContent | None = None
    keys: tuple[bytes, ...] = ()
    faults: Sequence[Fault] = ()
