"""Renders a revision as two documents: one without any answer, and one with the answers."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from app.core.secrets import Secrets
from app.core.time_and_random import from_milliseconds
from app.kinds import DETAILS, QuestionContent, answer_part, public_part
from app.kinds.content import Content
from app.published.facets import CONTENT_FACETS
from app.published.feed_columns import facet_texts
from app.published.publishing import Publication
from app.questions.state import QuestionState, RevisionContent, Values

ORDER_PURPOSE = "option-order"

_NUMBER = re.compile(r"[-+\u2212]?\d{1,30}(\.\d{1,30})?", re.ASCII)


# The content that everyone may see, in the order of the fields; the rest belongs to editors, or to
# the answer side. What a kind adds stands in its own public part.
_PUBLIC = {"stem", "hints", "evidence", "points", "time_seconds", "media", "source", "licence"}
_FACETS = {facet.column: facet for facet in CONTENT_FACETS}
# Each with its value in a revision that lacks it, because the facet is newer.
_PUBLIC_FIELDS = tuple(
    (name, _FACETS[name].empty_value() if name in _FACETS else None)
    for name in Content.model_fields
    if name in _PUBLIC or name in _FACETS
)


def document(
    question_id: UUID, bank: str, revision: RevisionContent, published_at: int | None
) -> Values:
    """Return the public fields that every question has."""
    values = revision.values
    return {
        "id": str(question_id),
        "revision": revision.revision,
        "bank": bank,
        "kind": values["kind"],
        **{name: values.get(name, empty) for name, empty in _PUBLIC_FIELDS},
        "published_at": None if published_at is None else time_text(published_at),
        "updated_at": time_text(revision.at),
    }


@lru_cache(maxsize=1024)
def time_text(milliseconds: int) -> str:
    """Return a time in RFC 3339, in UTC with milliseconds."""
    return from_milliseconds(milliseconds).isoformat(timespec="milliseconds")[:-6] + "Z"


class Renderer:
    """Renders revisions. A secret key decides the order of options, so it reveals nothing."""

    def __init__(self, secrets: Secrets) -> None:
        """Derive the key."""
        self._key = secrets.derive(ORDER_PURPOSE)

    def publication(self, question: QuestionState, number: int | None) -> Publication:
        """Render the live revision of a question; ValueError if it has none."""
        revision = question.live
        if revision is None or question.published_at is None:
            message = "the question has no live revision"
            raise ValueError(message)
        content = revision.content
        values = revision.values
        public = self.public_part(question.id, content)
        body = {**document(question.id, question.bank, revision, question.published_at), **public}
        return Publication(
            id=question.id,
            number=number,
            bank=question.bank,
            revision=revision.revision,
            facets=facet_texts(values),
            family=values["family"],
            translation_group=values["translation_group"],
            document=orjson.dumps(body),
            answers=orjson.dumps(answer_part(content)),
            published_at=question.published_at,
            updated_at=revision.at,
        )

    def public_part(self, question_id: UUID, content: QuestionContent) -> dict[str, Any]:
        """Return the kind's public fields; items, such as options, are in the delivered order."""
        public: dict[str, Any] = {**public_part(content)}
        for name in DETAILS[content.kind].public_item_lists:
            public[name] = self._ordered(question_id, public[name])
        return public

    def _ordered(self, question_id: UUID, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return items in the delivered order: numbers ascending, others by a keyed hash.

        The hash is BLAKE2b with a key (RFC 7693); see docs/adr/0014.
        """
        key, of = self._key, question_id.bytes
        shuffled = sorted(
            items, key=lambda item: blake2b(of + item["id"].encode(), key=key).digest()
        )
        if all(_NUMBER.fullmatch(item.get("text", "").strip()) for item in items):
            shuffled.sort(key=lambda item: _number(item["text"]))
        return shuffled


def _number(text: str) -> Decimal:
    return Decimal(text.strip().replace("\u2212", "-"))
