"""GET /v1/questions: pages of matching questions, in an order that publishing does not shift."""

from collections.abc import Awaitable
from typing import Any, NamedTuple

from pyroaring import BitMap

from app.catalog.http.cursor_filter import differs_from_cursor, pack_filter, restore_filter
from app.catalog.http.endpoint import (
    Endpoint,
    ReadRequest,
    ResponseBody,
    json_token,
    when_composed,
)
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, parse_answers, parse_format
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Parameter,
    int_between,
    one_of,
    reject_unknown,
    single_value,
    split_query,
    text_of_length,
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
# Greater than every `seq`.
AFTER_ALL_CHANGES = 2**62

LIMIT = Parameter(
    "limit",
    "how many questions on a page",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR = Parameter(
    "cursor",
    "the `next_cursor` of the previous page; other parameters, except `limit`, must be unchanged "
    "or left out",
    {"type": "string", "maxLength": MAX_CURSOR},
)
SORT = Parameter(
    "sort",
    "by first publication, or by the last published change with the latest first",
    {"type": "string", "enum": list(SORTS), "default": "newest"},
)
LIST_PARAMETERS = (*FILTER_PARAMETERS, LIMIT, CURSOR, SORT, ANSWERS, FORMAT)
_KNOWN = (*FILTER_NAMES, *(parameter.name for parameter in LIST_PARAMETERS))


class NumberPage(NamedTuple):
    """The question numbers of a page, and the position behind it; None if it is the last page.

    The position is a number, or a `seq` for `sort=updated`.
    """

    numbers: list[int]
    position: int | None


class ListCursor(NamedTuple):
    """The content of a cursor: packed filter, sort order, position behind the last page."""

    packed_filter: str
    sort: str
    position: int


class ListQuestions(Endpoint):
    """Lists published questions."""

    def make(self, request: ReadRequest) -> ResponseBody | Awaitable[ResponseBody]:
        """Return one page."""
        pairs = split_query(request.query)
        reject_unknown(pairs, _KNOWN)
        limit = single_value(pairs, "limit", int_between(1, MAX_LIMIT), DEFAULT_LIMIT)
        sort = single_value(pairs, "sort", one_of(*SORTS), None)
        sealed = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR), None)
        answers, text_format = parse_answers(pairs), parse_format(pairs)
        question_filter = parse_filter(pairs, self._catalog.nameable_values(request.caller))
        position: int | None = None
        if sealed is not None:
            cursor = self._opened(sealed)
            question_filter = restore_filter(pairs, question_filter, cursor.packed_filter)
            if sort not in {None, cursor.sort}:
                raise differs_from_cursor(["sort"])
            sort, position = cursor.sort, cursor.position
        sort = sort or SORTS[0]
        access = self._catalog.read_access(request.caller, question_filter.bank.any, answers)
        members = self._catalog.members(access.banks, question_filter)
        page = self._page(members, sort, position, limit)
        next_cursor = self._next_cursor(question_filter, sort, page)
        json = b'"total":%d,"next_cursor":%b' % (len(members), json_token(next_cursor))
        composed = self._catalog.compose_live(page.numbers, access, text_format)
        return when_composed(composed, lambda ready: ResponseBody(ready.to_json(json), access))

    def _page(self, members: BitMap, sort: str, position: int | None, limit: int) -> NumberPage:
        if sort == "updated":
            before = AFTER_ALL_CHANGES if position is None else position
            return self._page_by_change(members, before, limit)
        if sort == "oldest":
            low = 0 if position is None else members.rank(position)
            numbers = list(members[low : low + limit])
            more = low + limit < len(members)
        else:
            high = len(members) if position is None else members.rank(position - 1)
            numbers = list(members[max(0, high - limit) : high])[::-1]
            more = high > limit
        return NumberPage(numbers, numbers[-1] if more else None)

    def _page_by_change(self, members: BitMap, before: int, limit: int) -> NumberPage:
        numbers = self._catalog.index.last_changed(members, before=before, limit=limit + 1)
        more = len(numbers) > limit
        numbers = numbers[:limit]
        return NumberPage(numbers, self._catalog.index.seq(numbers[-1]) if more else None)

    def _next_cursor(
        self, question_filter: QuestionFilter, sort: str, page: NumberPage
    ) -> str | None:
        if page.position is None:
            return None
        epoch = self._catalog.mark.epoch
        content: dict[str, object] = {
            "v": [pack_filter(question_filter), sort, page.position, epoch]
        }
        return seal_cursor(self._catalog.secrets, ROUTE, content)

    def _opened(self, sealed: str) -> ListCursor:
        values: Any = open_cursor(self._catalog.secrets, ROUTE, sealed)["v"]
        packed_filter, sort, position, epoch = values
        if epoch != self._catalog.mark.epoch:
            raise resync_required()
        return ListCursor(packed_filter, sort, position)
