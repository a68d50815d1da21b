"""A small published world for tests of search: banks, terms and questions, without drafts."""

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
from app.published.publishing import publish, withdraw
from app.published.question_filter import QuestionFilter, filter_from_canonical
from app.search.engine import (
    HIGHLIGHT_END,
    HIGHLIGHT_START,
    Engine,
    Hit,
    SearchRequest,
    SearchResult,
    Synonyms,
)
from app.search.text.query import clean_query
from tests.support.publications import make_bank, make_publication

NO_FILTER = filter_from_canonical("{}")

# Any text, and what FTS5 would read as syntax.
TYPED_QUERIES = st.lists(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\"'*^(){}:-+#./ \\"),
        st.sampled_from(["gradient", " AND ", " NOT ", "NEAR(", "stem:", " OR ", "entropy", "C++"]),
    ),
    max_size=40,
).map("".join)


def document(bank: str, revision: int, **changes: object) -> dict[str, Any]:
    """Return a question as the API delivers it."""
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
    """Publishes into a database and knows which questions a caller may find."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ids: dict[int, UUID] = {}
        self.revisions: dict[int, int] = {}

    def bank(self, slug: str, **rules: str) -> str:
        make_bank(self.database, slug, **rules)
        self.bump()
        return slug

    def set_rules(self, slug: str, **rules: str) -> None:
        """Change rules of a bank."""
        with self.database.write() as session:
            for name, value in rules.items():
                statement = text(f'UPDATE banks SET "{name}" = :value WHERE slug = :slug')
                session.connection().execute(statement, {"value": value, "slug": slug})
            bump_config(session)

    def term(self, vocabulary: str, slug: str, name: str, aliases: Sequence[str] = ()) -> None:
        """Create a term, or rename it."""
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
            numbers = publish(session, publications)
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
        """Return the numbers of the live questions of the banks, which a caller may find."""
        statement = text(
            f"SELECT number, bank FROM published WHERE revision IS NOT NULL AND {where}"
        )
        with self.database.read() as session:
            rows = session.connection().execute(statement)
            return BitMap(row.number for row in rows if row.bank in banks)

    def request(
        self,
        query: str,
        *banks: str,
        answers: Sequence[str] = (),
        members: BitMap | None = None,
        question_filter: QuestionFilter = NO_FILTER,
        synonyms: Synonyms | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> SearchRequest:
        """Return a search request; it is for the bank `science` unless `banks` are given."""
        banks = tuple(sorted(banks or ("science",)))
        return SearchRequest(
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
        fields = {
            "stem": question.pop("stem"),
            "hints": list(question.pop("hints", ())),
            "options": [{"id": str(index), "text": text} for index, text in enumerate(options)],
        }
        revision = self.revisions.get(number, 0) + 1 if number else 1
        return make_publication(
            id=self.ids[number] if number else time_and_random.uuid7(),
            number=number,
            bank=bank,
            revision=revision,
            kind=question.pop("kind", "single_choice"),
            document=orjson.dumps(document(bank, revision, **fields)),
            answers=orjson.dumps({"answer": answer, "explanation": explanation, "feedback": {}}),
            **question,
        )


async def wait_until_indexed(engine: Engine, world: World) -> None:
    """Wait until the index has reached everything that was published."""
    assert await engine.wait_for_mark(world.clock(), 60)


async def search(engine: Engine, request: SearchRequest) -> SearchResult:
    """Return the engine's result without hits that the caller may not find."""
    result = await engine.search(request)
    hits = [hit for hit in result.hits if hit.number in request.members]
    return SearchResult(hits, result.more, result.corrected)


async def search_hits(engine: Engine, request: SearchRequest) -> list[Hit]:
    """Return the hits, best first."""
    return (await search(engine, request)).hits


async def hit_numbers(engine: Engine, request: SearchRequest) -> list[int]:
    """Return the numbers of the hits, best first."""
    return [hit.number for hit in await search_hits(engine, request)]


async def matching_numbers(engine: Engine, request: SearchRequest, limit: int) -> list[int]:
    """Return the numbers of all matches, at most `limit`."""
    return (await engine.matching_numbers([request], limit))[0]


def with_brackets(hit: Hit) -> str:
    """Return the stem of a hit with brackets around what is highlighted."""
    return hit.stem.replace(HIGHLIGHT_START, "[").replace(HIGHLIGHT_END, "]")
