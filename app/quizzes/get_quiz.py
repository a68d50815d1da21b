"""GET /v1/quizzes/{reference}: one quiz, cached because it never changes."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID

import orjson

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import number_and_revision
from app.catalog.http.endpoint import CacheKey, Endpoint, ReadRequest, ResponseBody, when_composed
from app.catalog.http.reading_parameters import parse_reading_parameters
from app.catalog.index.memo import Memo
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.errors import Problem, not_found
from app.core.fields import is_slug
from app.core.http.query_string import split_query
from app.quizzes.schemas import QuizCover
from app.quizzes.service import LoadedQuiz, load_quiz

MAX_CACHED_QUIZZES = 1_000
MAX_CACHED_SLUGS = 1_000


class GetQuiz(Endpoint):
    """Returns one quiz, by its id or slug."""

    def __init__(self, catalog: Catalog, database: Database) -> None:
        """Read quizzes from `database` and their questions through `catalog`."""
        super().__init__("quiz", catalog)
        self._database = database
        # A quiz is valid for one history: in another, its question numbers may be other questions.
        # A slug is valid for one edition: in the next it may name another quiz.
        self._quizzes: Memo[UUID, LoadedQuiz] = Memo(MAX_CACHED_QUIZZES)
        self._slugs: Memo[str, UUID] = Memo(MAX_CACHED_SLUGS)

    def cache_key(self, query: bytes, caller: Caller) -> CacheKey | None:  # noqa: ARG002 - the base class's
        """Return None: the quiz and the bodies of its questions are cached already."""
        return None

    def make(self, request: ReadRequest) -> ResponseBody | Awaitable[ResponseBody]:
        """Return a quiz; Problem not_found if it does not exist for the caller."""
        reference = _parsed(request.segment)
        quiz_id: UUID | None
        if isinstance(reference, str):
            quiz_id = self._slugs.get(request.mark, reference)
        else:
            quiz_id = reference
        quiz = None if quiz_id is None else self._quizzes.get(self._catalog.history, quiz_id)
        if quiz is None:
            return self._load(reference, request)
        return self._body(quiz, request)

    async def _load(self, reference: UUID | str, request: ReadRequest) -> ResponseBody:
        # Text that cannot be a slug may contain characters that the database refuses.
        if isinstance(reference, str) and not is_slug(reference):
            raise not_found()
        # A malformed query is refused whether or not the quiz exists.
        split_query(request.query)
        history = self._catalog.history
        quiz = await asyncio.to_thread(self._read, reference)
        if history is not self._catalog.history:
            message = "The history of the bank was replaced while the quiz was read."
            raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
        if quiz is None:
            raise not_found()
        self._quizzes.put(history, quiz.cover.id, quiz)
        if isinstance(reference, str) and request.mark is self._catalog.mark:
            self._slugs.put(request.mark, reference, quiz.cover.id)
        body = self._body(quiz, request)
        return body if isinstance(body, ResponseBody) else await body

    def _read(self, reference: UUID | str) -> LoadedQuiz | None:
        with self._database.read() as session:
            return load_quiz(session, reference)

    def _body(
        self, quiz: LoadedQuiz, request: ReadRequest
    ) -> ResponseBody | Awaitable[ResponseBody]:
        pairs = split_query(request.query)
        # Before the parameters are checked: an error of theirs would reveal that the quiz exists.
        if not quiz.banks <= self._catalog.rights.readable(request.caller):
            raise not_found()
        answers, text_format = parse_reading_parameters(pairs)
        access = self._catalog.read_access(request.caller, quiz.banks, answers)
        json = self._cover_members(quiz)
        composed = self._catalog.compose(quiz.body_keys, access, text_format)
        return when_composed(composed, lambda ready: ResponseBody(ready.to_json(json), access))

    def _cover_members(self, quiz: LoadedQuiz) -> bytes:
        """Return the members of the cover, and the ids of questions that are withdrawn now."""
        cover = QuizCover.model_validate(quiz.cover, from_attributes=True).model_dump(mode="json")
        numbers = (number_and_revision(key)[0] for key in quiz.body_keys)
        entries = (self._catalog.entry(number) for number in numbers)
        withdrawn = [str(UUID(bytes=entry.id)) for entry in entries if entry.revision is None]
        return orjson.dumps(cover | {"withdrawn": withdrawn})[1:-1]


def _parsed(reference: str) -> UUID | str:
    try:
        return UUID(reference)
    except ValueError:
        return reference
