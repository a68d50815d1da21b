"""One question in memory: its state, its newest and its live revision, and its references."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from app.kinds import QuestionContent, content_values, parse_content
from app.taxonomy.vocabulary import VOCABULARIES

Values: TypeAlias = dict[str, Any]
# (in the newest revision, in the live revision) by slug of a term, or by URL of a file.
References: TypeAlias = dict[str, tuple[bool, bool]]


@dataclass(frozen=True, slots=True)
class RevisionContent:
    """One revision: its number, when it was saved (milliseconds since 1970), and its content."""

    revision: int
    at: int
    values: Values
    parsed: QuestionContent | None = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> QuestionContent:
        """The content as its kind's type."""
        return parse_content(self.values) if self.parsed is None else self.parsed


class PendingRevision(NamedTuple):
    """A revision that is not in the database yet, with its note."""

    revision: RevisionContent
    note: str | None


@dataclass(slots=True)
class QuestionState:
    """One question as the current transaction sees it.

    `live` is the same object as `newest` if the newest revision is published, and None if no
    revision is. `stored_references` are those in the database; None for a new question.
    """

    id: UUID
    bank: str
    external_id: str | None
    state: str
    published_at: int | None
    created_at: int
    newest: RevisionContent
    live: RevisionContent | None
    # Whether `published` had a row of it before this transaction.
    was_public: bool = False
    stored_references: dict[str, References] | None = None
    # The evidence of companies that is in the database.
    stored_evidence: Mapping[str, Any] = field(default_factory=dict)
    pending_revisions: tuple[PendingRevision, ...] = ()

    @property
    def kind(self) -> str:
        """The kind, which never changes."""
        return str(self.newest.values["kind"])

    @property
    def revision(self) -> int:
        """The number of the newest revision."""
        return self.newest.revision

    @property
    def published_revision(self) -> int | None:
        """The number of the live revision."""
        return None if self.live is None else self.live.revision

    @property
    def etag(self) -> str:
        """The entity tag that a change has to name. It does not depend on the answers."""
        return etag_of(self.id, self.revision, self.state, self.published_revision)

    def references(self) -> dict[str, References]:
        """Return the references by table: the three vocabularies and `media`."""
        newest = self.newest.values
        if self.live is None or self.live is self.newest:
            both = (True, self.live is not None)
            return {
                "categories": dict.fromkeys(newest["categories"], both),
                "companies": dict.fromkeys(newest["companies"], both),
                "tags": dict.fromkeys(newest["tags"], both),
                "media": {item["url"]: both for item in newest["media"]},
            }
        live = self.live.values
        found = {name: _merge_references(newest[name], live[name]) for name in VOCABULARIES}
        found["media"] = _merge_references(
            [item["url"] for item in newest["media"]], [item["url"] for item in live["media"]]
        )
        return found

    def evidence(self) -> Values:
        """Return the evidence of its companies; that of the newest revision has precedence."""
        known: Values = self.newest.values["evidence"]
        if self.live is None or self.live is self.newest:
            return known
        return {**self.live.values["evidence"], **known}

    def save(self, content: QuestionContent, now: int, note: str | None) -> None:
        """Make `content` the newest revision; the live revision stays live."""
        revision = RevisionContent(self.revision + 1, now, content_values(content), content)
        self.newest = revision
        self.pending_revisions += (PendingRevision(revision, note),)

    def publish(self, revision: RevisionContent, now: int) -> None:
        """Make a revision live."""
        self.live = revision
        self.state = "published"
        if self.published_at is None:
            self.published_at = now

    def copy_from(self, other: "QuestionState") -> None:
        """Restore every field from a copy."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    def unpublish_to(self, state: str) -> None:
        """Move the question to another state, without a live revision."""
        self.live = None
        self.state = state


def new_question(
    question_id: UUID, bank: str, external_id: str | None, entry: PendingRevision
) -> QuestionState:
    """Return a new draft."""
    revision = entry.revision
    return QuestionState(
        question_id,
        bank,
        external_id,
        "draft",
        None,
        revision.at,
        revision,
        None,
        pending_revisions=(entry,),
    )


def etag_of(question_id: UUID, revision: int, state: str, published_revision: int | None) -> str:
    """Return the entity tag for these values."""
    text = f"{question_id}:{revision}:{state}:{published_revision}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _merge_references(newest: list[str], live: list[str]) -> References:
    in_newest, in_live = set(newest), set(live)
    names = dict.fromkeys([*newest, *live])
    return {name: (name in in_newest, name in in_live) for name in names}
