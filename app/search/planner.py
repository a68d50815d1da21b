"""Parses the query string of a search."""

from dataclasses import dataclass
from typing import Any

from app.access.rights import Caller
from app.catalog.http.cursor_filter import differs_from_cursor, pack_filter, restore_filter
from app.catalog.http.list_questions import CURSOR, DEFAULT_LIMIT, LIMIT, MAX_LIMIT
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, parse_answers, parse_format
from app.catalog.service import Catalog, ReadAccess
from app.core.errors import FieldError, invalid
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Pairs,
    Parameter,
    boolean,
    int_between,
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
from app.search.service import SearchQuery
from app.search.text.query import MAX_CHARACTERS, MAX_WORDS, QueryTooLongError, clean_query

ROUTE = "search"
# Longer than MAX_CHARACTERS, so that a query that is too long gets the message of `clean_query`.
MAX_Q_CHARACTERS = 10_000

Q = Parameter(
    "q",
    f"the words to find, as the user types them: at most {MAX_CHARACTERS} characters and "
    f"{MAX_WORDS} words; without letters or digits, everything is listed, newest first",
    {"type": "string", "maxLength": MAX_CHARACTERS, "default": ""},
    example="gradient desc",
)
WITH_FACETS = Parameter(
    "facets",
    "count the hits by value of each facet; a facet ignores its own parameter",
    {"type": "boolean", "default": False},
)
SEARCH_PARAMETERS = (Q, *FILTER_PARAMETERS, LIMIT, CURSOR, WITH_FACETS, ANSWERS, FORMAT)
_KNOWN = (*FILTER_NAMES, *(parameter.name for parameter in SEARCH_PARAMETERS))


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Everything that a request asks for, for one caller.

    `q` is as it was typed, `query.text` as it is searched. `unfiltered_banks` are the banks that
    would be searched without a filter; `engine` is the name of the engine that a cursor demands.
    """

    q: str
    query: SearchQuery
    unfiltered_banks: frozenset[str]
    facets: bool
    access: ReadAccess
    text_format: str
    engine: str | None


def parse_search(catalog: Catalog, query_string: bytes, caller: Caller) -> SearchPlan:
    """Return the plan of a request; raise the Problem if the query string is not valid."""
    pairs = split_query(query_string)
    reject_unknown(pairs, _KNOWN)
    limit = single_value(pairs, "limit", int_between(1, MAX_LIMIT), DEFAULT_LIMIT)
    facets = single_value(pairs, "facets", boolean, default=False)
    answers, text_format = parse_answers(pairs), parse_format(pairs)
    q = single_value(pairs, "q", text_of_length(0, MAX_Q_CHARACTERS), None)
    cleaned = None if q is None else _cleaned(q)
    cursor = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR), None)
    question_filter = parse_filter(pairs, catalog.nameable_values(caller))
    offset, engine = 0, None
    if cursor is not None:
        q, question_filter, offset, engine = _resume(
            catalog, pairs, question_filter, cleaned, cursor
        )
        cleaned = _cleaned(q)
    access = catalog.read_access(caller, question_filter.bank.any, answers)
    unfiltered_banks = catalog.read_access(caller, (), answers).banks
    query = SearchQuery(cleaned or "", question_filter, access.banks, limit, offset)
    return SearchPlan(q or "", query, unfiltered_banks, facets, access, text_format, engine)


def _resume(
    catalog: Catalog, pairs: Pairs, sent: QuestionFilter, cleaned: str | None, cursor: str
) -> tuple[str, QuestionFilter, int, str]:
    """Return query, filter, offset and engine of a cursor.

    Problem invalid_request if a parameter beside it differs, resync_required if it belongs to
    another epoch.
    """
    values: Any = open_cursor(catalog.secrets, ROUTE, cursor)["v"]
    q, packed_filter, offset, engine, epoch = values
    if epoch != catalog.mark.epoch:
        raise resync_required()
    if cleaned is not None and cleaned != _cleaned(q):
        raise differs_from_cursor(["q"])
    return q, restore_filter(pairs, sent, packed_filter), offset, engine


def make_cursor(catalog: Catalog, plan: SearchPlan, offset: int, engine: str) -> str:
    """Return the cursor that continues a search at an offset, with the same engine."""
    packed_filter = pack_filter(plan.query.filter)
    content: dict[str, object] = {"v": [plan.q, packed_filter, offset, engine, catalog.mark.epoch]}
    return seal_cursor(catalog.secrets, ROUTE, content)


def _cleaned(q: str) -> str:
    try:
        return clean_query(q)
    except QueryTooLongError as error:
        raise invalid(FieldError("invalid_value", str(error), parameter="q")) from error
