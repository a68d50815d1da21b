"""GET /v1/facets: how many questions match a filter, by value of each facet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import orjson
from pyroaring import BitMap

from app.catalog.http.endpoint import Endpoint, ReadRequest, ResponseBody
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
# The facets whose values have a natural order.
_ORDERED_VALUES = {"difficulty": DIFFICULTIES, "level": LEVELS}
FACETS = ("category", "company", "tag", "difficulty", "level", "kind", "language")


class GetFacets(Endpoint):
    """Counts published questions by facet."""

    def make(self, request: ReadRequest) -> ResponseBody:
        """Return the counts of every facet; a facet ignores its own parameter."""
        pairs = split_query(request.query)
        reject_unknown(pairs, sorted(NAMES))
        question_filter = parse_filter(pairs, self._catalog.nameable_values(request.caller))
        banks = self._catalog.read_access(request.caller).banks
        total = len(self._catalog.members(banks, question_filter))
        facets = {name: self._facet(name, banks, question_filter) for name in FACETS}
        return ResponseBody(orjson.dumps({"total": total, "facets": facets}))

    def _facet(
        self, name: str, banks: frozenset[str], question_filter: QuestionFilter
    ) -> list[dict[str, object]]:
        members = self._catalog.members(banks, without_facet(question_filter, name))
        return facet_items(self._catalog, name, members)


def without_facet(question_filter: QuestionFilter, facet: str) -> QuestionFilter:
    """Return the filter without the parameter of a facet."""
    others: QuestionFilter = replace(question_filter, **{facet: Choice()})  # type: ignore[arg-type] # one of the choices
    return others


def facet_items(catalog: Catalog, facet: str, members: BitMap) -> list[dict[str, object]]:
    """Return the values of a facet that members have, with names and counts, for a response."""
    counts = dict(facet_counts(catalog, facet, members))
    if facet in _ORDERED_VALUES:
        slugs = [slug for slug in _ORDERED_VALUES[facet] if slug in counts]
    else:
        slugs = sorted(counts, key=lambda slug: (-counts[slug], slug))
    names = _names(catalog, facet, slugs)
    return [{"slug": slug, "name": names[slug], "count": counts[slug]} for slug in slugs]


def facet_counts(catalog: Catalog, facet: str, members: BitMap) -> Iterator[tuple[str, int]]:
    """Yield each value of a facet that members have, and how many have it.

    A category counts the questions of its subcategories too.
    """
    if facet == "category":
        terms = catalog.vocabularies.categories.terms
        bitmaps: Mapping[str, BitMap] = {slug: catalog.category_members(slug) for slug in terms}
    else:
        bitmaps = catalog.index.facets[facet]
    for slug, bitmap in bitmaps.items():
        count = members.intersection_cardinality(bitmap)
        if count:
            yield slug, count


def vocabulary_of(catalog: Catalog, facet: str) -> Vocabulary | None:
    """Return the vocabulary of a facet, None if it has none."""
    vocabularies = catalog.vocabularies
    return {
        "category": vocabularies.categories,
        "company": vocabularies.companies,
        "tag": vocabularies.tags,
    }.get(facet)


def _names(catalog: Catalog, facet: str, slugs: Sequence[str]) -> dict[str, str]:
    vocabulary = vocabulary_of(catalog, facet)
    if vocabulary is not None:
        terms = vocabulary.terms
        return {slug: terms[slug].name if slug in terms else slug for slug in slugs}
    if facet == "language":
        return {slug: slug for slug in slugs}
    return {slug: slug.replace("_", " ").capitalize() for slug in slugs}
