"""Values of a prepared row: the question that it matches, and the change that it makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from app.kinds import QuestionContent
from app.transfer.formats.rows import Fault, Values

Change = Literal["create", "update", "publish", "none"]


class QuestionVersion(NamedTuple):
    """The version of a question; the question is unchanged as long as its version is equal."""

    id: UUID
    state: str
    revision: int
    published_revision: int | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class MatchedQuestion:
    """A question that a row matches, and the content of its newest revision."""

    version: QuestionVersion
    content: Values


@dataclass(slots=True)
class PreparedRow:
    """The change that one row makes, or its errors.

    `external_id` is that of the question after the import. `keys` are equal for rows that mean the
    same question, and empty where no other row can mean it.
    """

    line: int
    change: Change = "none"
    match: MatchedQuestion | None = None
    external_id: str | None = None
    content: QuestionContent | None = None
    keys: tuple[bytes, ...] = ()
    errors: Sequence[Fault] = ()
