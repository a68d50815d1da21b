"""GET /v1/questions/{id}: one published question."""

import re
from collections.abc import Awaitable

from app.access.rights import Caller
from app.catalog.bodies.composer import ComposedQuestions
from app.catalog.http.endpoint import CacheKey, Endpoint, ReadRequest, ResponseBody
from app.catalog.http.reading_parameters import parse_reading_parameters
from app.catalog.service import IndexEntry, ReadAccess
from app.core.errors import Problem, not_found
from app.core.http.query_string import split_query

_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class GetQuestion(Endpoint):
    """Returns one question by its id."""

    def cache_key(self, query: bytes, caller: Caller) -> CacheKey | None:  # noqa: ARG002 - the base class's
        """Return None: the body cache holds the question as it is sent."""
        return None

    def make(self, request: ReadRequest) -> ResponseBody | Awaitable[ResponseBody]:
        """Return the question; Problem not_found if it does not exist for the caller."""
        pairs = split_query(request.query) if request.query else []
        # Before the parameters are checked: an error of theirs would reveal that the id exists.
        entry = self._find(request.segment, request.caller)
        answers, text_format = parse_reading_parameters(pairs)
        access = self._catalog.read_access(request.caller, (), answers)
        if entry.bank not in access.banks:
            message = "This caller may not read the answers of the question's bank."
            raise Problem("answers_not_allowed", message)
        composed = self._catalog.compose_live([entry.number], access, text_format, pointer="")
        if isinstance(composed, ComposedQuestions):
            return _body(composed, access)
        return _body_later(composed, access)

    def _find(self, question_id: str, caller: Caller) -> IndexEntry:
        hexadecimal = question_id.replace("-", "") if _ID.fullmatch(question_id) else None
        entry = None if hexadecimal is None else self._catalog.find(bytes.fromhex(hexadecimal))
        if entry is None or entry.revision is None:
            raise not_found()
        if entry.bank not in self._catalog.rights.view(caller).readable:
            raise not_found()
        return entry


async def _body_later(composed: Awaitable[ComposedQuestions], access: ReadAccess) -> ResponseBody:
    return _body(await composed, access)


def _body(composed: ComposedQuestions, access: ReadAccess) -> ResponseBody:
    """Return the only question, with its `nodes` as a member if there are any."""
    question = composed.items[0]
    if composed.nodes is not None:
        question = question[:-1] + b',"nodes":' + composed.nodes + b"}"
    return ResponseBody(question, access)
