"""A question in hand: where it stands, its newest and its live revision, and what they refer to."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from app.kinds import QuestionContent, content_values, parse_content
from app.taxonomy.vocabulary import VOCABULARIES

Values: TypeAlias = dict[str, Any]
# What a question refers to: by term or address, whether newest and live revision do.
Uses: TypeAlias = dict[str, tuple[bool, bool]]


@dataclass(frozen=True, slots=True)
class Saved:
    """One revision: its number, its time in milliseconds since 1970, and its content."""

    revision: int
    at: int
    values: Values
    parsed: QuestionContent | None = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> QuestionContent:
        """The content as its kind's type."""
        return parse_content(self.values) if self.parsed is None else self.parsed


class Entry(NamedTuple):
    """A revision that has yet to be written, and why it was made."""

    saved: Saved
    note: str | None


@dataclass(slots=True)
class Held:
    """One question, as it stands in the transaction; `live` is `newest` where nothing is newer.

    `stored` holds what the tables know of its links, None where they do not know the question.
    """

    id: UUID
    bank: str
    external_id: str | None
    state: str
    published_at: int | None
    created_at: int
    newest: Saved
    live: Saved | None
    # Whether it had a place among what is public before this transaction.
    once_public: bool = False
    stored: dict[str, Uses] | None = None
    # The companies' evidence that the tables know.
    evidence: Mapping[str, Any] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

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
        """The tag that a change names; answers leave no trace in it."""
        return etag_of(self.id, self.revision, self.state, self.published_revision)

    def uses(self) -> dict[str, Uses]:
        """Return what the question refers to, by table: the three vocabularies and `media`."""
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
        found = {name: _united(newest[name], live[name]) for name in VOCABULARIES}
        found["media"] = _united(
            [item["url"] for item in newest["media"]], [item["url"] for item in live["media"]]
        )
        return found

    def known_evidence(self) -> Values:
        """Return what is known of its companies, first by the newest revision."""
        known: Values = self.newest.values["evidence"]
        if self.live is None or self.live is self.newest:
            return known
        return {**self.live.values["evidence"], **known}

    def save(self, content: QuestionContent, now: int, note: str | None) -> None:
        """Make `content` the newest revision; what is live stays live."""
        saved = Saved(self.revision + 1, now, content_values(content), content)
        self.newest = saved
        self.entries += (Entry(saved, note),)

    def publish(self, saved: Saved, now: int) -> None:
        """Make a revision live."""
        self.live = saved
        self.state = "published"
        if self.published_at is None:
            self.published_at = now

    def become(self, other: "Held") -> None:
        """Take on what a copy of this question remembers."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    def leave(self, state: str) -> None:
        """Take it out of what is public, if it is there, into another state."""
        self.live = None
        self.state = state


def new_question(question_id: UUID, bank: str, external_id: str | None, entry: Entry) -> Held:
    """Return a question that was not there before, a draft."""
    saved = entry.saved
    return Held(
        question_id, bank, external_id, "draft", None, saved.at, saved, None, entries=(entry,)
    )


def etag_of(question_id: UUID, revision: int, state: str, published_revision: int | None) -> str:
    """Return the tag of a question that stands there."""
    text = f"{question_id}:{revision}:{state}:{published_revision}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _united(newest: list[str], live: list[str]) -> Uses:
    in_newest, in_live = set(newest), set(live)
    names = dict.fromkeys([*newest, *live])
    return {name: (name in in_newest, name in in_live) for name in names}
