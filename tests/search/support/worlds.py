"""A small public world for tests of search: banks, terms and questions through the bridge alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import text

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, bump_config, read_mark
from app.published.publishing import put, withdraw
from app.published.question_filter import QuestionFilter, filter_from
from app.search.engine import MARK_END, MARK_START, Asked, Engine, Found, Hit, Synonyms
from app.search.text.query import clean_query
from tests.support.publications import make_bank, make_publication

ALL = filter_from("{}")

# Whatever might be typed, and what FTS5 would take for syntax.
TYPED = st.lists(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\"'*^(){}:-+#./ \\"),
        st.sampled_from(["gradient", " AND ", " NOT ", "NEAR(", "stem:", " OR ", "entropy", "C++"]),
    ),
    max_size=40,
).map("".join)


def document(bank: str, revision: int, **changes: object) -> dict[str, Any]:
    """Return a question as api.md delivers it."""
    return {
        "id": "0197f0aa-0000-7000-8000-000000000000",
        "revision": revision,
        "bank": bank,
        "kind": "single_choice",
        "stem": "What does gradient descent minimise?",
        "hints": [],
        "categories": [],
        "companies": [],
        "evidence": {},
        "tags": [],
        "difficulty": "easy",
        "levels": [],
        "language": "en",
        "points": 1,
        "time_seconds": None,
        "media": [],
        "source": None,
        "licence": None,
        "published_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "options": [],
    } | changes


class World:
    """Publishes into a database and knows what ought to be found."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ids: dict[int, UUID] = {}
        self.revisions: dict[int, int] = {}

    def bank(self, slug: str, **rules: str) -> str:
        make_bank(self.database, slug, **rules)
        self.bump()
        return slug

    def rule(self, slug: str, **rules: str) -> None:
        with self.database.write() as session:
            for name, value in rules.items():
                statement = text(f'UPDATE banks SET "{name}" = :value WHERE slug = :slug')
                session.connection().execute(statement, {"value": value, "slug": slug})
            bump_config(session)

    def term(self, vocabulary: str, slug: str, name: str, aliases: Sequence[str] = ()) -> None:
        statement = text(
            f"INSERT INTO {vocabulary} (slug, name, description, aliases)"
            " VALUES (:slug, :name, '', :aliases) ON CONFLICT (slug) DO UPDATE"
            " SET name = excluded.name, aliases = excluded.aliases"
        )
        values = {"slug": slug, "name": name, "aliases": orjson.dumps(list(aliases)).decode()}
        with self.database.write() as session:
            session.connection().execute(statement, values)
            bump_config(session)

    def bump(self) -> None:
        with self.database.write() as session:
            bump_config(session)

    def publish(
        self,
        stem: str,
        bank: str = "science",
        *,
        number: int | None = None,
        options: Sequence[str] = (),
        hints: Sequence[str] = (),
        explanation: str = "",
        answer: dict[str, object] | None = None,
        **facets: Any,
    ) -> int:
        """Publish a question, or another revision of question `number`."""
        return self.publish_all(
            [
                {
                    "stem": stem,
                    "bank": bank,
                    "number": number,
                    "options": options,
                    "hints": hints,
                    "explanation": explanation,
                    "answer": answer,
                }
                | facets
            ]
        )[0]

    def publish_all(self, questions: Sequence[dict[str, Any]]) -> list[int]:
        publications = [self._publication(dict(question)) for question in questions]
        with self.database.write() as session:
            numbers = put(session, publications)
        for number, publication in zip(numbers, publications, strict=True):
            self.ids[number] = publication.id
            self.revisions[number] = publication.revision
        return numbers

    def withdraw(self, *numbers: int) -> None:
        with self.database.write() as session:
            withdraw(session, [self.ids[number] for number in numbers])

    def clock(self) -> Mark:
        with self.database.read() as session:
            return read_mark(session)

    def members(self, *banks: str, where: str = "1 = 1") -> BitMap:
        """Return the live questions of the banks: what a caller may find."""
        statement = text(
            f"SELECT number, bank FROM published WHERE revision IS NOT NULL AND {where}"
        )
        with self.database.read() as session:
            rows = session.connection().execute(statement)
            return BitMap(row.number for row in rows if row.bank in banks)

    def asked(
        self,
        query: str,
        *banks: str,
        answers: Sequence[str] = (),
        members: BitMap | None = None,
        question_filter: QuestionFilter = ALL,
        synonyms: Synonyms | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> Asked:
        banks = tuple(sorted(banks or ("science",)))
        return Asked(
            text=clean_query(query),
            banks=banks,
            answer_banks=frozenset(answers),
            filter=question_filter,
            members=self.members(*banks) if members is None else members,
            synonyms=synonyms or {},
            limit=limit,
            offset=offset,
        )

    def _publication(self, question: dict[str, Any]) -> Any:
        number = question.pop("number", None)
        bank = question.pop("bank", "science")
        explanation = question.pop("explanation", "")
        answer = question.pop("answer", None) or {"options": ["a"]}
        options = question.pop("options", ())
        shown = {
            "stem": question.pop("stem"),
            "hints": list(question.pop("hints", ())),
            "options": [{"id": str(place), "text": text} for place, text in enumerate(options)],
        }
        revision = self.revisions.get(number, 0) + 1 if number else 1
        return make_publication(
            id=self.ids[number] if number else time_and_random.uuid7(),
            number=number,
            bank=bank,
            revision=revision,
            kind=question.pop("kind", "single_choice"),
            document=orjson.dumps(document(bank, revision, **shown)),
            answers=orjson.dumps({"answer": answer, "explanation": explanation, "feedback": {}}),
            **question,
        )


async def caught_up(engine: Engine, world: World) -> None:
    """Wait until the engine holds what is public now."""
    assert await engine.reach(world.clock(), 60)


async def found(engine: Engine, asked: Asked) -> Found:
    """Return what the engine found, without what the caller may not find."""
    answer = await engine.search(asked)
    kept = [hit for hit in answer.hits if hit.number in asked.members]
    return Found(kept, answer.more, answer.corrected)


async def hits(engine: Engine, asked: Asked) -> list[Hit]:
    """Return the hits, best first."""
    return (await found(engine, asked)).hits


async def numbers(engine: Engine, asked: Asked) -> list[int]:
    """Return the numbers of the hits, best first."""
    return [hit.number for hit in await hits(engine, asked)]


async def matching(engine: Engine, asked: Asked, most: int) -> list[int]:
    """Return the numbers of everything that matches."""
    return (await engine.numbers([asked], most))[0]


def shown(hit: Hit) -> str:
    """Return a hit's stem with its marks as people see them."""
    return hit.stem.replace(MARK_START, "[").replace(MARK_END, "]")
