"""A worker's catalog over a real database, and questions to publish."""

import asyncio
import inspect
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import ANONYMOUS, Caller
from app.catalog.http.endpoint import ResponseCache
from app.catalog.http.fast_routes import FastRoutes
from app.catalog.router import register
from app.catalog.service import Catalog
from app.core import time_and_random
from app.core.db.database import Database
from app.core.errors import Problem
from app.core.http.replies import Reply
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.published.follower import Follower
from app.published.publishing import publish, withdraw
from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.support.publications import make_bank, make_publication

CATEGORIES = {"science": None, "physics": "science", "optics": "physics", "arts": None}
COMPANIES = ("amazon", "google")
TAGS = ("hard-to-guess", "viva")
ADMIN = Caller(UUID(int=1), "secret", frozenset({"admin"}), None)


@dataclass
class Question:
    """What a test knows of a published question."""

    id: UUID
    bank: str = "science"
    kind: str = "true_false"
    categories: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    difficulty: str = "easy"
    language: str = "en"
    updated_at: int = 0
    stem: str = "Is it so?"
    number: int | None = None
    revision: int = 1
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "revision": self.revision,
            "bank": self.bank,
            "stem": self.stem,
        } | self.more


class CatalogWorker:
    """One worker: its catalog follows the database whenever `follow` is called."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings)
        self.secrets = Secrets(settings.secret_keys)
        self.access = AccessSnapshot(settings)
        self.vocabularies = VocabularySnapshot()
        self.catalog = Catalog(
            self.database, settings, self.secrets, self.access, self.vocabularies
        )
        self.follower = Follower(self.database, self.catalog, [self.access, self.vocabularies])
        self.fast_routes = FastRoutes()
        register(self.fast_routes, self.catalog, ResponseCache())

    def close(self) -> None:
        self.database.close()

    def make_terms(self) -> None:
        with self.database.write() as session:
            terms = [
                ("categories", Term(slug, slug.title(), "", (), parent=parent))
                for slug, parent in CATEGORIES.items()
            ]
            terms += [("companies", Term(slug, slug.title(), "", ())) for slug in COMPANIES]
            terms += [("tags", Term(slug, slug.title(), "", (), group="format")) for slug in TAGS]
            create_terms(session, terms)

    def make_bank(self, slug: str = "science", **rules: str) -> None:
        make_bank(self.database, slug, **rules)
        self.execute("UPDATE clock SET config_version = config_version + 1")

    def execute(self, statement: str, **values: object) -> None:
        with self.database.write() as session:
            session.connection().execute(text(statement), values)

    def publish(self, *questions: Question) -> None:
        publications = [
            make_publication(
                id=question.id,
                number=question.number,
                bank=question.bank,
                revision=question.revision,
                kind=question.kind,
                categories=question.categories,
                companies=question.companies,
                tags=question.tags,
                levels=question.levels,
                difficulty=question.difficulty,
                language=question.language,
                document=orjson.dumps(question.document),
                answers=orjson.dumps(
                    {"answer": {"value": True}, "explanation": "*So* it is.", "feedback": {}}
                ),
                updated_at=question.updated_at,
            )
            for question in questions
        ]
        with self.database.write() as session:
            numbers = publish(session, publications)
        for question, number in zip(questions, numbers, strict=True):
            question.number = number

    def withdraw(self, *questions: Question) -> None:
        with self.database.write() as session:
            withdraw(session, [question.id for question in questions])

    def follow(self) -> None:
        asyncio.run(self.follower.catch_up())

    def get(
        self, address: str, caller: Caller = ANONYMOUS, headers: dict[bytes, bytes] | None = None
    ) -> Reply:
        path, _, query = address.partition("?")
        found = self.fast_routes.find(path)
        assert found is not None, path

        async def answer() -> Reply:
            made = found[1](query.encode(), caller, headers or {})
            return await made if inspect.isawaitable(made) else made

        return asyncio.run(answer())

    def read(self, address: str, caller: Caller = ANONYMOUS) -> Any:
        reply = self.get(address, caller)
        assert reply.status == 200
        return orjson.loads(reply.body)

    def refusal(self, address: str, caller: Caller = ANONYMOUS) -> Problem:
        try:
            self.get(address, caller)
        except Problem as problem:
            return problem
        message = f"{address} was not refused"
        raise AssertionError(message)


def make_question(**changes: Any) -> Question:
    return Question(**({"id": time_and_random.uuid7()} | changes))


def make_questions(count: int, chance: random.Random, **fixed: Any) -> list[Question]:
    """Return questions with random facets."""
    return [
        make_question(
            **{
                "kind": chance.choice(["true_false", "single_choice"]),
                "categories": _some(chance, list(CATEGORIES)),
                "companies": _some(chance, COMPANIES),
                "tags": _some(chance, TAGS),
                "levels": _some(chance, ["intern", "fresher"]),
                "difficulty": chance.choice(["easy", "medium", "hard"]),
                "updated_at": chance.randrange(5) * 1000,
            }
            | fixed
        )
        for _ in range(count)
    ]


def _some(chance: random.Random, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in values if chance.random() < 0.4)
