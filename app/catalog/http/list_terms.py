"""GET /v1/categories, companies, tags and banks: vocabularies, with counts under a filter."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from app.catalog.http.cursor_filter import pack_filter, restore_filter
from app.catalog.http.endpoint import Endpoint, ReadRequest, ResponseBody, ResponseCache
from app.catalog.http.get_facets import facet_counts
from app.catalog.http.list_questions import CURSOR
from app.catalog.service import Catalog
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Parameter,
    int_between,
    reject_unknown,
    single_value,
    split_query,
    text_of_length,
)
from app.published.facets import BANK, FACETS
from app.published.question_filter import FILTER_NAMES, FILTER_PARAMETERS, parse_filter
from app.taxonomy.vocabulary import Term, fold

MAX_LIMIT = 1000

VOCABULARY_LIMIT = Parameter(
    "limit",
    "how many terms on a page",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
)
VOCABULARY_PARAMETERS = (*FILTER_PARAMETERS, VOCABULARY_LIMIT, CURSOR)
# The facet that each route lists, by its last segment.
_LISTED_FACETS = {"banks": BANK} | {
    facet.vocabulary: facet for facet in FACETS if facet.vocabulary is not None
}
# The member that only the terms of one vocabulary have.
_OWN_MEMBER = {"categories": "parent", "tags": "group"}
_KNOWN = (*FILTER_NAMES, "limit", "cursor")

_SortKey = tuple[str, str]


class ListTerms(Endpoint):
    """Lists one vocabulary, by name."""

    def __init__(self, name: str, catalog: Catalog, cache: ResponseCache) -> None:
        """List the vocabulary `name`, which is also the last segment of the route's path."""
        super().__init__(name, catalog, cache)
        self._facet = _LISTED_FACETS[name]

    def make(self, request: ReadRequest) -> ResponseBody:
        """Return one page of terms."""
        pairs = split_query(request.query)
        reject_unknown(pairs, _KNOWN)
        limit = single_value(pairs, "limit", int_between(1, MAX_LIMIT), MAX_LIMIT)
        sealed = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR), None)
        question_filter = parse_filter(pairs, self._catalog.nameable_values(request.caller))
        after: _SortKey | None = None
        if sealed is not None:
            packed_filter, after = self._opened(sealed)
            question_filter = restore_filter(pairs, question_filter, packed_filter)
        banks = self._catalog.read_access(request.caller).banks
        members = self._catalog.members(banks, question_filter)
        counts = dict(facet_counts(self._catalog, self._facet, members))
        terms = list(self._terms(banks))
        following = [term for term in terms if after is None or _sort_key(term) > after]
        page = following[:limit]
        next_cursor = None
        if len(following) > limit:
            epoch = self._catalog.mark.epoch
            content: dict[str, object] = {
                "v": [pack_filter(question_filter), *_sort_key(page[-1]), epoch]
            }
            next_cursor = seal_cursor(self._catalog.secrets, self._name, content)
        items = [_shown(term, self._name, counts) for term in page]
        response = {"items": items, "total": len(terms), "next_cursor": next_cursor}
        return ResponseBody(orjson.dumps(response))

    def _terms(self, banks: frozenset[str]) -> Iterator[Term]:
        """Yield the terms that exist for the caller, ordered by name."""
        vocabulary = self._facet.vocabulary
        if vocabulary is not None:
            yield from self._catalog.vocabularies.named(vocabulary).terms.values()
            return
        rules = self._catalog.rights.banks
        readable = (Term(slug, rules[slug].name, rules[slug].description, ()) for slug in banks)
        yield from sorted(readable, key=_sort_key)

    def _opened(self, sealed: str) -> tuple[str, _SortKey]:
        """Return the packed filter of a cursor and the sort key of the last page's last term."""
        values: Any = open_cursor(self._catalog.secrets, self._name, sealed)["v"]
        packed_filter, name, slug, epoch = values
        if epoch != self._catalog.mark.epoch:
            raise resync_required()
        return packed_filter, (name, slug)


def _sort_key(term: Term) -> _SortKey:
    return fold(term.name), term.slug


def _shown(term: Term, route: str, counts: Mapping[str, int]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "slug": term.slug,
        "name": term.name,
        "description": term.description,
        "aliases": term.aliases,
    }
    if route in _OWN_MEMBER:
        shown[_OWN_MEMBER[route]] = getattr(term, _OWN_MEMBER[route])
    return shown | {"count": counts.get(term.slug, 0)}
