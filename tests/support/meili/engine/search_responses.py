"""The responses of searches in one index and of searches for facet values."""

import os
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pyroaring import BitMap

from tests.support.meili import validation
from tests.support.meili.engine import index_settings
from tests.support.meili.engine.filter_evaluation import documents_matching
from tests.support.meili.engine.index import Index
from tests.support.meili.engine.index_search import SEARCH_FIELDS, IndexSearch
from tests.support.meili.engine.query_terms import parse_query
from tests.support.meili.errors import MeiliError

FACET_SEARCH_FIELDS = {
    "facetName": validation.Field(
        validation.string, "invalid_facet_search_facet_name", "missing_facet_search_facet_name"
    ),
    "facetQuery": validation.Field(
        validation.nullable(validation.string), "invalid_facet_search_query"
    ),
    "filter": SEARCH_FIELDS["filter"],
    "q": SEARCH_FIELDS["q"],
    "matchingStrategy": SEARCH_FIELDS["matchingStrategy"],
    "attributesToSearchOn": SEARCH_FIELDS["attributesToSearchOn"],
}
MAX_FACET_HITS = 100


def new_request_uid() -> str:
    """Return a random UUID of version 7."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def elapsed_ms(started: float) -> int:
    return int((time.perf_counter() - started) * 1000)


def search_index(uid: str, index: Index, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response of a search in one index."""
    started = time.perf_counter()
    search = IndexSearch(uid, index, parameters)
    facets = check_facets(index, parameters.get("facets"), "invalid_search_facets")
    max_hits = index.settings["pagination"]["maxTotalHits"]
    total = min(len(search.ranked_documents), max_hits)
    paging, window = paginate(search.option, total)
    page = search.ranked_documents[:max_hits][window]
    response = {
        "hits": [search.hit(ranked) for ranked in page],
        "query": search.text,
        "processingTimeMs": elapsed_ms(started),
        **paging,
    }
    if facets is not None:
        max_values = index.settings["faceting"]["maxValuesPerFacet"]
        response |= search.facets(facets, search.documents(), max_values)
    return {**response, "requestUid": new_request_uid()}


def paginate(option: Callable[[str], Any], total: int) -> tuple[dict[str, Any], slice]:
    """Return the paging fields of a response, and the slice of the hits that is the page."""
    number, size = option("page"), option("hitsPerPage")
    if number is None and size is None:
        offset, limit = option("offset"), option("limit")
        paging = {"limit": limit, "offset": offset, "estimatedTotalHits": total}
        return paging, slice(offset, offset + limit)
    number = 1 if number is None else number
    size = 20 if size is None else size
    paging = {
        "hitsPerPage": size,
        "page": number,
        "totalPages": -(-total // size) if size else 0,
        "totalHits": total,
    }
    start = max(number - 1, 0) * size
    return paging, slice(start, start + size if number else start)


def check_facets(index: Index, names: list[str] | None, code: str) -> list[str] | None:
    """Return the names of facets; MeiliError if one is not filterable."""
    for name in names or []:
        if name != "*" and index_settings.features_of(index.settings, name) is None:
            patterns = sorted({p for p, _, _ in index_settings.filterable_patterns(index.settings)})
            known = (
                f"Available filterable attributes patterns are: `{', '.join(patterns)}`."
                if patterns
                else "This index does not have configured filterable attributes."
            )
            message = f"Pattern `{name}` is not filterable. {known}"
            raise MeiliError(code, f"Invalid facet distribution: {message}")
    return names


def search_facet_values(uid: str, index: Index, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response of a search for facet values, with typos and prefixes as in searches."""
    started = time.perf_counter()
    name = parameters["facetName"]
    features = index_settings.features_of(index.settings, name)
    if features is None or not features[0]["facetSearch"]:
        patterns = index_settings.filterable_patterns(index.settings)
        names = sorted({name for name, features, _ in patterns if features["facetSearch"]})
        listed = ", ".join(f"`{pattern}`" for pattern in names)
        message = (
            f"Attribute `{name}` is not facet-searchable. Available facet-searchable attributes "
            f"patterns are: {listed}. To make it facet-searchable add it to the "
            "`filterableAttributes` index settings."
        )
        raise MeiliError("invalid_facet_search_facet_name", message)
    documents = _facet_documents(uid, index, parameters)
    hits = []
    facet = index.facets.get(name)
    text = parameters.get("facetQuery") or ""
    for key, having_value in sorted(facet.strings.lists.items()) if facet else []:
        count = len(having_value & documents)
        if count and _value_matches(text, facet.shown[key] if facet else key):
            hits.append({"value": facet.shown[key] if facet else key, "count": count})
    orders = index.settings["faceting"]["sortFacetValuesBy"]
    if orders.get(name, orders["*"]) == "count":
        hits.sort(key=lambda hit: -int(str(hit["count"])))
    return {
        "facetHits": hits[:MAX_FACET_HITS],
        "facetQuery": parameters.get("facetQuery"),
        "processingTimeMs": elapsed_ms(started),
    }


def _facet_documents(uid: str, index: Index, parameters: Mapping[str, Any]) -> BitMap:
    if parameters.get("q"):
        return IndexSearch(uid, index, parameters).documents()
    if parameters.get("filter") is None:
        return index.all_documents
    return documents_matching(
        index, parameters["filter"], "invalid_search_filter", uid, normalise_message=True
    )


def _value_matches(text: str, value: str) -> bool:
    """Return whether a facet value contains the first word of a facet query."""
    value_index = Index("id")
    value_index.put("0", {"id": 0, "value": value})
    query = parse_query(value_index, text)
    if query.empty:
        return True
    words = set(value_index.words["value"].lists) if "value" in value_index.words else set()
    return bool(words & set(query.nodes[0].words))
