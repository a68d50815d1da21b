"""Answers to searches: one query, a list of them, and facet search."""

import os
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pyroaring import BitMap

from tests.support.meili import settings as setting
from tests.support.meili import shape
from tests.support.meili.errors import MeiliError
from tests.support.meili.filtering import filtered
from tests.support.meili.hits import FIELDS, Search
from tests.support.meili.index import Index
from tests.support.meili.queries import parse_query

FACET_FIELDS = {
    "facetName": shape.Field(
        shape.string, "invalid_facet_search_facet_name", "missing_facet_search_facet_name"
    ),
    "facetQuery": shape.Field(shape.nullable(shape.string), "invalid_facet_search_query"),
    "filter": FIELDS["filter"],
    "q": FIELDS["q"],
    "matchingStrategy": FIELDS["matchingStrategy"],
    "attributesToSearchOn": FIELDS["attributesToSearchOn"],
}
MOST_FACET_HITS = 100


def request_uid() -> str:
    """Return a UUID of version 7."""
    moment = time.time_ns() // 1_000_000
    value = (moment << 80) | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def since(started: float) -> int:
    return int((time.perf_counter() - started) * 1000)


def search(uid: str, index: Index, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one search."""
    started = time.perf_counter()
    one = Search(uid, index, asked)
    facets = checked_facets(index, asked.get("facets"), "invalid_search_facets")
    most = index.settings["pagination"]["maxTotalHits"]
    total = min(len(one.found), most)
    paging, window = page(one.option, total)
    answer = {
        "hits": [one.hit(found) for found in one.found[:most][window]],
        "query": one.text,
        "processingTimeMs": since(started),
        **paging,
    }
    if facets is not None:
        values = index.settings["faceting"]["maxValuesPerFacet"]
        answer |= one.facets(facets, one.documents(), values)
    return {**answer, "requestUid": request_uid()}


def page(option: Callable[[str], Any], total: int) -> tuple[dict[str, Any], slice]:
    """Return the paging part of an answer, and which of the hits are on the page."""
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


def checked_facets(index: Index, names: list[str] | None, code: str) -> list[str] | None:
    """Refuse facets that are not filterable."""
    for name in names or []:
        if name != "*" and setting.features_of(index.settings, name) is None:
            patterns = sorted({p for p, _, _ in setting.filterable_patterns(index.settings)})
            known = (
                f"Available filterable attributes patterns are: `{', '.join(patterns)}`."
                if patterns
                else "This index does not have configured filterable attributes."
            )
            message = f"Pattern `{name}` is not filterable. {known}"
            raise MeiliError(code, f"Invalid facet distribution: {message}")
    return names


def facet_search(uid: str, index: Index, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a search for values of a facet: typos and prefixes as in searches."""
    started = time.perf_counter()
    name = asked["facetName"]
    found = setting.features_of(index.settings, name)
    if found is None or not found[0]["facetSearch"]:
        patterns = setting.filterable_patterns(index.settings)
        names = sorted({name for name, features, _ in patterns if features["facetSearch"]})
        listed = ", ".join(f"`{pattern}`" for pattern in names)
        message = (
            f"Attribute `{name}` is not facet-searchable. Available facet-searchable attributes "
            f"patterns are: {listed}. To make it facet-searchable add it to the "
            "`filterableAttributes` index settings."
        )
        raise MeiliError("invalid_facet_search_facet_name", message)
    documents = _facet_documents(uid, index, asked)
    hits = []
    facet = index.facets.get(name)
    text = asked.get("facetQuery") or ""
    for key, held in sorted(facet.strings.maps.items()) if facet else []:
        count = len(held & documents)
        if count and _like(text, facet.shown[key] if facet else key):
            hits.append({"value": facet.shown[key] if facet else key, "count": count})
    orders = index.settings["faceting"]["sortFacetValuesBy"]
    if orders.get(name, orders["*"]) == "count":
        hits.sort(key=lambda hit: -int(str(hit["count"])))
    return {
        "facetHits": hits[:MOST_FACET_HITS],
        "facetQuery": asked.get("facetQuery"),
        "processingTimeMs": since(started),
    }


def _facet_documents(uid: str, index: Index, asked: Mapping[str, Any]) -> BitMap:
    if asked.get("q"):
        return Search(uid, index, asked).documents()
    if asked.get("filter") is None:
        return index.everything
    return filtered(index, asked["filter"], "invalid_search_filter", uid, anew=True)


def _like(text: str, value: str) -> bool:
    """Tell whether a value holds the first word of a facet query."""
    shelf = Index("id")
    shelf.put("0", {"id": 0, "value": value})
    query = parse_query(shelf, text)
    if query.empty:
        return True
    words = set(shelf.words["value"].maps) if "value" in shelf.words else set()
    return bool(words & set(query.nodes[0].words))
