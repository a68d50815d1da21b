"""Answers a quiz from memory: it never changes, so it is read from the database once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import orjson

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import pair_of
from app.catalog.bodies.composer import Composed
from app.catalog.http.cache_headers import reading_reply
from app.catalog.http.reading_parameters import take_answers, take_format
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.errors import not_found
from app.core.fields import is_slug
from app.core.http.query_string import reject_unknown, split_query
from app.core.http.replies import Reply
from app.quizzes.schemas import QuizCover
from app.quizzes.service import KnownQuiz, load_quiz

MAX_KEPT = 1_000


class QuizReader:
    """One worker's quizzes; slugs are looked up again whenever the edition moved."""

    def __init__(self, catalog: Catalog, database: Database) -> None:
        """Read quizzes from `database` and their questions through `catalog`."""
        self._catalog = catalog
        self._database = database
        self._kept: OrderedDict[UUID, KnownQuiz] = OrderedDict()
        self._slugs: dict[str, UUID] = {}
        self._mark: Mark | None = None

    def __call__(
        self, reference: str, query: bytes, caller: Caller, headers: dict[bytes, bytes]
    ) -> Reply | Awaitable[Reply]:
        """Answer one quiz, by id or slug; Problem not_found for what the caller may not see."""
        known = self._remembered(reference)
        if known is None:
            return self._load(reference, query, caller, headers)
        return self.answer(known, query, caller, headers)

    def answer(
        self, known: KnownQuiz, query: bytes, caller: Caller, headers: dict[bytes, bytes]
    ) -> Reply | Awaitable[Reply]:
        """Answer a quiz that was found, under the caller's present rights."""
        pairs = split_query(query)
        # First: whatever else is wrong would tell that the quiz exists.
        if not known.banks <= self._catalog.rights.readable(caller):
            raise not_found()
        reject_unknown(pairs, ["answers", "format"])
        answers, text_format = take_answers(pairs), take_format(pairs)
        reading = self._catalog.reading(caller, known.banks, answers)
        rest = quiz_rest(self._catalog, known)
        storable = not self._catalog.is_secret(reading)

        def finish(composed: Composed) -> Reply:
            body = composed.joined(rest)
            return reading_reply(body, caller, headers, public=True, storable=storable)

        composed = self._catalog.compose(known.keys, reading, text_format)
        if isinstance(composed, Composed):
            return finish(composed)
        return _later(composed, finish)

    def _remembered(self, reference: str) -> KnownQuiz | None:
        if self._catalog.mark != self._mark:
            self._slugs.clear()
            self._mark = self._catalog.mark
        key = _parsed(reference)
        quiz_id = self._slugs.get(key) if isinstance(key, str) else key
        return None if quiz_id is None else self._kept.get(quiz_id)

    async def _load(
        self, reference: str, query: bytes, caller: Caller, headers: dict[bytes, bytes]
    ) -> Reply:
        key = _parsed(reference)
        # What cannot be a slug might not even be storable text.
        if isinstance(key, str) and not is_slug(key):
            raise not_found()
        # Before the quiz is looked for: an unreadable query is answered alike, there or not.
        split_query(query)
        mark = self._catalog.mark
        known = await asyncio.to_thread(self._read, key)
        if known is None:
            raise not_found()
        self._kept[known.cover.id] = known
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        if isinstance(key, str) and mark == self._mark:
            self._slugs[key] = known.cover.id
        reply = self.answer(known, query, caller, headers)
        return reply if isinstance(reply, Reply) else await reply

    def _read(self, key: UUID | str) -> KnownQuiz | None:
        with self._database.read() as session:
            return load_quiz(session, key)


def quiz_rest(catalog: Catalog, known: KnownQuiz) -> bytes:
    """Return what stands beside a quiz's questions: its cover, and what was withdrawn since."""
    cover = QuizCover.model_validate(known.cover, from_attributes=True).model_dump(mode="json")
    entries = (catalog.entry(pair_of(key)[0]) for key in known.keys)
    withdrawn = [str(UUID(bytes=entry.id)) for entry in entries if entry.revision is None]
    return orjson.dumps(cover | {"withdrawn": withdrawn})[1:-1]


def _parsed(reference: str) -> UUID | str:
    try:
        return UUID(reference)
    except ValueError:
        return reference


async def _later(waiting: Awaitable[Composed], finish: Any) -> Reply:  # noqa: ANN401 - as above
    reply: Reply = finish(await waiting)
    return reply
