"""GET /v1/facets: how many questions match a filter, by value of each facet."""

from collections.abc import Iterator, Mapping, Sequence

import orjson
from pyroaring import BitMap

from app.catalog.http.endpoint import Endpoint, ReadRequest, ResponseBody
from app.catalog.service import Catalog
from app.core.http.query_string import reject_unknown, split_query
from app.published.facets import COUNTED_FACETS, Facet
from app.published.question_filter import FILTER_NAMES, FILTER_PARAMETERS, parse_filter

FACET_PARAMETERS = FILTER_PARAMETERS


class GetFacets(Endpoint):
    """Counts published questions by facet."""

    def make(self, request: ReadRequest) -> ResponseBody:
        """Return the counts of every facet; a facet ignores its own parameter."""
        pairs = split_query(request.query)
        reject_unknown(pairs, sorted(FILTER_NAMES))
        question_filter = parse_filter(pairs, self._catalog.nameable_values(request.caller))
        banks = self._catalog.read_access(request.caller).banks
        total = len(self._catalog.members(banks, question_filter))
        facets = {
            facet.parameter: facet_items(
                self._catalog, facet, self._catalog.members(banks, question_filter.without(facet))
            )
            for facet in COUNTED_FACETS
        }
        return ResponseBody(orjson.dumps({"total": total, "facets": facets}))


def facet_items(catalog: Catalog, facet: Facet, members: BitMap) -> list[dict[str, object]]:
    """Return the values of a facet that members have, with names and counts, for a response."""
    counts = dict(facet_counts(catalog, facet, members))
    if facet.ordered:
        slugs = [slug for slug in facet.values if slug in counts]
    else:
        slugs = sorted(counts, key=lambda slug: (-counts[slug], slug))
    names = _names(catalog, facet, slugs)
    return [{"slug": slug, "name": names[slug], "count": counts[slug]} for slug in slugs]


def facet_counts(catalog: Catalog, facet: Facet, members: BitMap) -> Iterator[tuple[str, int]]:
    """Yield each value of a facet that members have, and how many have it.

    A category counts the questions of its subcategories too.
    """
    if facet.is_tree:
        terms = catalog.vocabularies.categories.terms
        bitmaps: Mapping[str, BitMap] = {slug: catalog.category_members(slug) for slug in terms}
    else:
        bitmaps = catalog.index.facets[facet.parameter]
    for slug, bitmap in bitmaps.items():
        count = members.intersection_cardinality(bitmap)
        if count:
            yield slug, count


def _names(catalog: Catalog, facet: Facet, slugs: Sequence[str]) -> dict[str, str]:
    if facet.vocabulary is not None:
        terms = catalog.vocabularies.named(facet.vocabulary).terms
        return {slug: terms[slug].name if slug in terms else slug for slug in slugs}
    if facet.values:
        return {slug: slug.replace("_", " ").capitalize() for slug in slugs}
    return {slug: slug for slug in slugs}
