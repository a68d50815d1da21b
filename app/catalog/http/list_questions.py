"""GET /v1/questions: pages of what matches, in an order that publishing does not shift."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.http.cursor_filter import differs, hold, resume
from app.catalog.http.endpoint import Body, Endpoint, finished, quoted
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, take_answers, take_format
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Parameter,
    one_of,
    reject_unknown,
    split_query,
    take,
    text,
    whole,
)
from app.published.question_filter import (
    FILTER_NAMES,
    FILTER_PARAMETERS,
    QuestionFilter,
    parse_filter,
)

ROUTE = "questions"
SORTS = ("newest", "oldest", "updated")
MAX_LIMIT = 100
DEFAULT_LIMIT = 20
# Later than every change.
END = 2**62

LIMIT = Parameter(
    "limit",
    "how many on a page",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR = Parameter(
    "cursor",
    "the `next_cursor` of the page before; what stands beside it must be equal, `limit` excepted",
    {"type": "string", "maxLength": MAX_CURSOR},
)
SORT = Parameter(
    "sort",
    "by first publication, or by the last change that was published, latest first",
    {"type": "string", "enum": list(SORTS), "default": "newest"},
)
LIST_PARAMETERS = (*FILTER_PARAMETERS, LIMIT, CURSOR, SORT, ANSWERS, FORMAT)
_KNOWN = (*FILTER_NAMES, *(parameter.name for parameter in LIST_PARAMETERS))


@dataclass(frozen=True, slots=True)
class Page:
    """The numbers of a page, and the place from which the next one goes on."""

    numbers: list[int]
    place: int | None


class ListQuestions(Endpoint):
    """Lists published questions."""

    def make(self, query: bytes, caller: Caller) -> Body | Awaitable[Body]:
        """Return one page."""
        pairs = split_query(query)
        reject_unknown(pairs, _KNOWN)
        limit = take(pairs, "limit", whole(1, MAX_LIMIT), DEFAULT_LIMIT)
        sort = take(pairs, "sort", one_of(*SORTS), None)
        cursor = take(pairs, "cursor", text(1, MAX_CURSOR), None)
        answers, text_format = take_answers(pairs), take_format(pairs)
        asked = parse_filter(pairs, self._catalog.known(caller))
        place: int | None = None
        if cursor is not None:
            begun = self._opened(cursor)
            asked = resume(pairs, asked, begun.held)
            if sort not in {None, begun.sort}:
                raise differs(["sort"])
            sort, place = begun.sort, begun.place
        sort = sort or SORTS[0]
        reading = self._catalog.reading(caller, asked.bank.any, answers)
        members = self._catalog.members(reading.banks, asked)
        page = self._page(members, sort, place, limit)
        rest = self._rest(members, page, sort, asked)
        composed = self._catalog.compose_live(page.numbers, reading, text_format)
        return finished(composed, lambda ready: Body(ready.joined(rest), reading))

    def _page(self, members: BitMap, sort: str, place: int | None, limit: int) -> Page:
        if sort == "updated":
            return self._updated(members, END if place is None else place, limit)
        if sort == "oldest":
            low = 0 if place is None else members.rank(place)
            numbers = list(members[low : low + limit])
            more = low + limit < len(members)
        else:
            high = len(members) if place is None else members.rank(place - 1)
            numbers = list(members[max(0, high - limit) : high])[::-1]
            more = high > limit
        return Page(numbers, numbers[-1] if more else None)

    def _updated(self, members: BitMap, before: int, limit: int) -> Page:
        numbers = self._catalog.index.last_changed(members, before=before, limit=limit + 1)
        more = len(numbers) > limit
        numbers = numbers[:limit]
        return Page(numbers, self._catalog.index.seq(numbers[-1]) if more else None)

    def _rest(self, members: BitMap, page: Page, sort: str, asked: QuestionFilter) -> bytes:
        cursor = None
        if page.place is not None:
            place = {"v": [hold(asked), sort, page.place, self._catalog.mark.epoch]}
            cursor = seal_cursor(self._catalog.secrets, ROUTE, dict(place))
        return b'"total":%d,"next_cursor":%b' % (len(members), quoted(cursor))

    def _opened(self, cursor: str) -> "_Begun":
        values: Any = open_cursor(self._catalog.secrets, ROUTE, cursor)["v"]
        held, sort, place, epoch = values
        if epoch != self._catalog.mark.epoch:
            raise resync_required()
        return _Begun(held, sort, place)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a cursor remembers."""

    held: str
    sort: str
    place: int
