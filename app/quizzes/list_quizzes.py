"""GET /v1/quizzes: pages of quiz covers, newest first."""

import asyncio
from uuid import UUID

from app.access.rights import Caller
from app.catalog.http.endpoint import CacheKey, Endpoint, ReadRequest, ResponseBody
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.errors import FieldError, invalid
from app.core.http.pages import Page, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Parameter,
    int_between,
    one_of,
    reject_unknown,
    single_value,
    split_query,
    text_of_length,
)
from app.core.secrets import Secrets
from app.quizzes.repository import CoverFilter, QuizRepository
from app.quizzes.schemas import QuizCover

ROUTE = "quizzes"
MAX_LIMIT = 100
DEFAULT_LIMIT = 20
MAX_CURSOR_CHARACTERS = 4_096

LIST_PARAMETERS = (
    Parameter(
        "slug", "only quizzes that were created with this slug", {"type": "string", "maxLength": 64}
    ),
    Parameter("mode", "only quizzes of this mode", {"type": "string", "enum": ["practice"]}),
    Parameter("language", "only quizzes in this language", {"type": "string", "maxLength": 35}),
    Parameter(
        "limit",
        "how many quizzes on a page",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "the `next_cursor` of the previous page", {"type": "string"}),
)
_KNOWN = tuple(parameter.name for parameter in LIST_PARAMETERS)


class ListQuizzes(Endpoint):
    """Lists the covers of quizzes."""

    def __init__(self, catalog: Catalog, database: Database, secrets: Secrets) -> None:
        """List quizzes of `database`; the catalog knows which banks a caller may read."""
        super().__init__(ROUTE, catalog)
        self._database = database
        self._secrets = secrets

    def cache_key(self, query: bytes, caller: Caller) -> CacheKey | None:  # noqa: ARG002 - the base class's
        """Return None: a new quiz need not change the edition, so entries could be outdated."""
        return None

    async def make(self, request: ReadRequest) -> ResponseBody:
        """Return one page, read from the database in a thread."""
        page = await asyncio.to_thread(self._page, request.query, request.caller)
        return ResponseBody(page.model_dump_json().encode())

    def _page(self, query: bytes, caller: Caller) -> Page[QuizCover]:
        """Return one page of the quizzes over banks that the caller may read."""
        pairs = split_query(query)
        reject_unknown(pairs, _KNOWN)
        cover_filter = CoverFilter(
            single_value(pairs, "slug", text_of_length(1, 64), None),
            single_value(pairs, "mode", one_of("practice"), None),
            single_value(pairs, "language", text_of_length(1, 35), None),
        )
        limit = single_value(pairs, "limit", int_between(1, MAX_LIMIT), DEFAULT_LIMIT)
        cursor = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR_CHARACTERS), None)
        before = None
        if cursor is not None:
            cover_filter, before = self._opened(cursor, cover_filter)
        with self._database.read() as session:
            quizzes, total = QuizRepository(session.connection()).list_page(
                self._catalog.rights.readable(caller), cover_filter, before, limit + 1
            )
        covers = [QuizCover.model_validate(quiz, from_attributes=True) for quiz in quizzes[:limit]]
        next_cursor = None
        if len(quizzes) > limit:
            next_cursor = self._sealed(cover_filter, covers[-1].id)
        return Page[QuizCover](items=covers, total=total, next_cursor=next_cursor)

    def _sealed(self, cover_filter: CoverFilter, before: UUID) -> str:
        content: dict[str, object] = {
            "listing": list(cover_filter),
            "before": str(before),
            "epoch": self._catalog.mark.epoch,
        }
        return seal_cursor(self._secrets, ROUTE, content)

    def _opened(self, cursor: str, sent: CoverFilter) -> tuple[CoverFilter, UUID]:
        """Return the filter of a cursor and the id of the last page's last quiz.

        Problem invalid_request naming each sent parameter that differs from the cursor's.
        """
        content = open_cursor(self._secrets, ROUTE, cursor)
        if content["epoch"] != self._catalog.mark.epoch:
            raise resync_required()
        original = CoverFilter(*content["listing"])  # type: ignore[misc] # sealed here
        wrong = [
            name
            for name, value in sent._asdict().items()
            if value is not None and value != getattr(original, name)
        ]
        if wrong:
            detail = "It differs from what the cursor was made with; leave it out."
            raise invalid(*(FieldError("invalid_value", detail, parameter=name) for name in wrong))
        return original, UUID(str(content["before"]))
