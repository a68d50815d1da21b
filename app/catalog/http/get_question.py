"""GET /v1/questions/{id}: one published question."""

import re
from collections.abc import Awaitable

from app.access.rights import Caller
from app.catalog.bodies.composer import Composed
from app.catalog.http.cache_headers import reading_reply
from app.catalog.http.reading_parameters import take_answers, take_format
from app.catalog.service import Catalog, IndexEntry, Reading
from app.core.errors import Problem, not_found
from app.core.http.query_string import reject_unknown, split_query
from app.core.http.replies import Reply

_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class GetQuestion:
    """Answers one question by its id."""

    def __init__(self, catalog: Catalog) -> None:
        """Answer from `catalog`."""
        self._catalog = catalog

    def __call__(
        self, question_id: str, query: bytes, caller: Caller, headers: dict[bytes, bytes]
    ) -> Reply | Awaitable[Reply]:
        """Answer one request; Problem not_found for what is not there for the caller."""
        pairs = split_query(query) if query else []
        # Before the parameters are judged: what is not there is answered alike whatever they are.
        entry = self._find(question_id, caller)
        reject_unknown(pairs, ("answers", "format"))
        answers, text_format = take_answers(pairs), take_format(pairs)
        reading = self._catalog.reading(caller, (), answers)
        if entry.bank not in reading.banks:
            message = "The answers of the question's bank may not be read by this caller."
            raise Problem("answers_not_allowed", message)
        composed = self._catalog.compose_live([entry.number], reading, text_format, at="")
        if isinstance(composed, Composed):
            return self._reply(composed, reading, caller, headers)
        return self._later(composed, reading, caller, headers)

    def _find(self, question_id: str, caller: Caller) -> IndexEntry:
        plain = question_id.replace("-", "") if _ID.fullmatch(question_id) else None
        entry = None if plain is None else self._catalog.find(bytes.fromhex(plain))
        if entry is None or entry.revision is None:
            raise not_found()
        if entry.bank not in self._catalog.rights.readable(caller):
            raise not_found()
        return entry

    async def _later(
        self,
        composed: Awaitable[Composed],
        reading: Reading,
        caller: Caller,
        headers: dict[bytes, bytes],
    ) -> Reply:
        return self._reply(await composed, reading, caller, headers)

    def _reply(
        self, composed: Composed, reading: Reading, caller: Caller, headers: dict[bytes, bytes]
    ) -> Reply:
        body = composed.items[0]
        if composed.nodes is not None:
            body = body[:-1] + b',"nodes":' + composed.nodes + b"}"
        storable = not self._catalog.is_secret(reading)
        return reading_reply(body, caller, headers, public=True, storable=storable)
