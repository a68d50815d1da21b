"""Renders a revision: a document that has no place for an answer, and its answers apart."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypedDict
from uuid import UUID

import orjson

from app.core.secrets import Secrets
from app.core.time_and_random import from_milliseconds
from app.kinds import DETAILS, QuestionContent, answer_part, public_part
from app.published.publishing import Publication
from app.questions.state import QuestionState, RevisionContent

ORDER_PURPOSE = "option-order"

_NUMBER = re.compile(r"[-+\u2212]?\d{1,30}(\.\d{1,30})?", re.ASCII)


class Document(TypedDict):
    """What everyone may see of a question; its kind's public part stands beside it."""

    id: str
    revision: int
    bank: str
    kind: str
    stem: str
    hints: list[str]
    categories: list[str]
    companies: list[str]
    evidence: dict[str, dict[str, Any]]
    tags: list[str]
    difficulty: str
    levels: list[str]
    language: str
    points: int | float
    time_seconds: int | None
    media: list[dict[str, Any]]
    source: dict[str, Any] | None
    licence: str | None
    published_at: str | None
    updated_at: str


def document(
    question_id: UUID, bank: str, revision: RevisionContent, published_at: int | None
) -> Document:
    """Return the fields that questions of every kind deliver."""
    values = revision.values
    return {
        "id": str(question_id),
        "revision": revision.revision,
        "bank": bank,
        "kind": values["kind"],
        "stem": values["stem"],
        "hints": values["hints"],
        "categories": values["categories"],
        "companies": values["companies"],
        "evidence": values["evidence"],
        "tags": values["tags"],
        "difficulty": values["difficulty"],
        "levels": values["levels"],
        "language": values["language"],
        "points": values["points"],
        "time_seconds": values["time_seconds"],
        "media": values["media"],
        "source": values["source"],
        "licence": values["licence"],
        "published_at": None if published_at is None else time_text(published_at),
        "updated_at": time_text(revision.at),
    }


@lru_cache(maxsize=1024)
def time_text(milliseconds: int) -> str:
    """Return a time as clients get it: RFC 3339 in UTC, to the millisecond."""
    return from_milliseconds(milliseconds).isoformat(timespec="milliseconds")[:-6] + "Z"


class Renderer:
    """Renders with a secret, so that the order of options tells nothing."""

    def __init__(self, secrets: Secrets) -> None:
        """Derive the secret."""
        self._key = secrets.derive(ORDER_PURPOSE)

    def publication(self, question: QuestionState, number: int | None) -> Publication:
        """Return the live revision of a question, rendered."""
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
            kind=question.kind,
            categories=tuple(values["categories"]),
            companies=tuple(values["companies"]),
            tags=tuple(values["tags"]),
            levels=tuple(values["levels"]),
            difficulty=values["difficulty"],
            language=values["language"],
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
        """Return items in the order that everyone sees: ascending numbers, else by the secret.

        A keyed hash of each (BLAKE2b, RFC 7693) tells the order: a third of an HMAC's time.
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
