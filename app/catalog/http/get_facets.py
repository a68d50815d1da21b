"""GET /v1/facets: how many questions there are of each value, under a filter."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson
from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.http.endpoint import Body, Endpoint
from app.catalog.service import Catalog
from app.core.http.query_string import reject_unknown, split_query
from app.published.question_filter import (
    DIFFICULTIES,
    LEVELS,
    NAMES,
    PARAMETERS,
    Choice,
    QuestionFilter,
    parse_filter,
)
from app.taxonomy.vocabulary import Vocabulary

FACET_PARAMETERS = PARAMETERS
# Those whose values have an order of their own.
_ORDERED = {"difficulty": DIFFICULTIES, "level": LEVELS}
FACETS = ("category", "company", "tag", "difficulty", "level", "kind", "language")


class GetFacets(Endpoint):
    """Counts published questions by facet."""

    def make(self, query: bytes, caller: Caller) -> Body | Awaitable[Body]:
        """Return the counts of every facet, each without its own parameter."""
        pairs = split_query(query)
        reject_unknown(pairs, sorted(NAMES))
        asked = parse_filter(pairs, self._catalog.known(caller))
        banks = self._catalog.reading(caller).banks
        total = len(self._catalog.members(banks, asked))
        facets = {name: self._facet(name, banks, asked) for name in FACETS}
        return Body(orjson.dumps({"total": total, "facets": facets}))

    def _facet(
        self, name: str, banks: frozenset[str], asked: QuestionFilter
    ) -> list[dict[str, object]]:
        others: QuestionFilter = replace(asked, **{name: Choice()})  # type: ignore[arg-type] # one of the choices
        return facet_items(self._catalog, name, self._catalog.members(banks, others))


def facet_items(catalog: Catalog, facet: str, members: BitMap) -> list[dict[str, object]]:
    """Return each value of a facet that members have, as it is shown."""
    counts = dict(facet_counts(catalog, facet, members))
    if facet in _ORDERED:
        slugs = [slug for slug in _ORDERED[facet] if slug in counts]
    else:
        slugs = sorted(counts, key=lambda slug: (-counts[slug], slug))
    names = _names(catalog, facet, slugs)
    return [{"slug": slug, "name": names[slug], "count": counts[slug]} for slug in slugs]


def facet_counts(catalog: Catalog, facet: str, members: BitMap) -> Iterator[tuple[str, int]]:
    """Yield each value of a facet that members have, and how many; categories with all below."""
    if facet == "category":
        terms = catalog.vocabularies.categories.terms
        bitmaps: Mapping[str, BitMap] = {slug: catalog.category(slug) for slug in terms}
    else:
        bitmaps = catalog.index.facets[facet]
    for slug, bitmap in bitmaps.items():
        count = members.intersection_cardinality(bitmap)
        if count:
            yield slug, count


def vocabulary_of(catalog: Catalog, facet: str) -> Vocabulary | None:
    """Return the terms of a facet, where it has any."""
    terms = catalog.vocabularies
    return {
        "category": terms.categories,
        "company": terms.companies,
        "tag": terms.tags,
    }.get(facet)


def _names(catalog: Catalog, facet: str, slugs: Sequence[str]) -> dict[str, str]:
    vocabulary = vocabulary_of(catalog, facet)
    if vocabulary is not None:
        terms = vocabulary.terms
        return {slug: terms[slug].name if slug in terms else slug for slug in slugs}
    if facet == "language":
        return {slug: slug for slug in slugs}
    return {slug: slug.replace("_", " ").capitalize() for slug in slugs}
