"""GET /v1/categories, companies, tags, banks: what can be asked for, with counts under a filter."""

from collections.abc import Awaitable, Iterator, Mapping
from typing import Any

import orjson

from app.access.rights import Caller
from app.catalog.http.cursor_filter import hold, resume
from app.catalog.http.endpoint import Body, Endpoint, Kept
from app.catalog.http.get_facets import facet_counts
from app.catalog.http.list_questions import CURSOR
from app.catalog.service import Catalog
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import Parameter, reject_unknown, split_query, take, text, whole
from app.published.facets import BANK, FACETS
from app.published.question_filter import FILTER_NAMES, FILTER_PARAMETERS, parse_filter
from app.taxonomy.vocabulary import Term, fold

MAX_LIMIT = 1000

VOCABULARY_LIMIT = Parameter(
    "limit",
    "how many on a page",
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

_Place = tuple[str, str]


class ListTerms(Endpoint):
    """Lists one vocabulary, by name."""

    def __init__(self, name: str, catalog: Catalog, kept: Kept) -> None:
        """List the vocabulary of a route's last segment."""
        super().__init__(name, catalog, kept)
        self._facet = _LISTED_FACETS[name]

    def make(self, query: bytes, caller: Caller) -> Body | Awaitable[Body]:
        """Return one page of terms."""
        pairs = split_query(query)
        reject_unknown(pairs, _KNOWN)
        limit = take(pairs, "limit", whole(1, MAX_LIMIT), MAX_LIMIT)
        cursor = take(pairs, "cursor", text(1, MAX_CURSOR), None)
        asked = parse_filter(pairs, self._catalog.known(caller))
        after: _Place | None = None
        if cursor is not None:
            held, after = self._opened(cursor)
            asked = resume(pairs, asked, held)
        banks = self._catalog.reading(caller).banks
        members = self._catalog.members(banks, asked)
        counts = dict(facet_counts(self._catalog, self._facet, members))
        terms = list(self._terms(banks))
        behind = [term for term in terms if after is None or _place(term) > after]
        page = behind[:limit]
        following = None
        if len(behind) > limit:
            place = {"v": [hold(asked), *_place(page[-1]), self._catalog.mark.epoch]}
            following = seal_cursor(self._catalog.secrets, self._name, dict(place))
        items = [_shown(term, self._name, counts) for term in page]
        answer = {"items": items, "total": len(terms), "next_cursor": following}
        return Body(orjson.dumps(answer))

    def _terms(self, banks: frozenset[str]) -> Iterator[Term]:
        """Yield the terms that exist for the caller, ordered by name."""
        vocabulary = self._facet.vocabulary
        if vocabulary is not None:
            yield from self._catalog.vocabularies.named(vocabulary).terms.values()
            return
        rules = self._catalog.rights.banks
        seen = (Term(slug, rules[slug].name, rules[slug].description, ()) for slug in banks)
        yield from sorted(seen, key=_place)

    def _opened(self, cursor: str) -> tuple[str, _Place]:
        values: Any = open_cursor(self._catalog.secrets, self._name, cursor)["v"]
        held, name, slug, epoch = values
        if epoch != self._catalog.mark.epoch:
            raise resync_required()
        return held, (name, slug)


def _place(term: Term) -> _Place:
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
