"""Several searches in one request: separate responses, or one list of hits merged by score.

The second form is called a federated search.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.support.meili import validation
from tests.support.meili.engine.index import Index
from tests.support.meili.engine.index_search import SEARCH_FIELDS, IndexSearch
from tests.support.meili.engine.ranking import RankedDocument
from tests.support.meili.engine.search_responses import (
    check_facets,
    elapsed_ms,
    new_request_uid,
    paginate,
    search_index,
)
from tests.support.meili.errors import MeiliError
from tests.support.meili.uids import index_uid

FEDERATION_OPTION_FIELDS = {
    "weight": validation.Field(validation.number, "invalid_multi_search_weight"),
    "queryPosition": validation.Field(validation.unsigned, "invalid_multi_search_query_position"),
    "remote": validation.Field(
        validation.nullable(validation.string), "invalid_multi_search_remote"
    ),
}
FEDERATION_FIELDS = {
    "limit": SEARCH_FIELDS["limit"],
    "offset": SEARCH_FIELDS["offset"],
    "page": SEARCH_FIELDS["page"],
    "hitsPerPage": SEARCH_FIELDS["hitsPerPage"],
    "facetsByIndex": validation.Field(
        validation.mapping_of(validation.nullable(validation.list_of(validation.string))),
        "invalid_multi_search_facets_by_index",
    ),
    "mergeFacets": validation.Field(
        validation.nullable(validation.object_of(maxValuesPerFacet=validation.unsigned)),
        "invalid_multi_search_merge_facets",
    ),
    "distinct": validation.Field(
        validation.nullable(validation.string), "invalid_multi_search_distinct"
    ),
    "showPerformanceDetails": SEARCH_FIELDS["showPerformanceDetails"],
}
QUERY_FIELDS = {
    "indexUid": validation.Field(index_uid, "invalid_index_uid", "missing_index_uid"),
    **SEARCH_FIELDS,
    "federationOptions": validation.Field(
        validation.anything, "invalid_multi_search_federation_options"
    ),
}
BODY_FIELDS = {
    "queries": validation.Field(
        validation.list_of(validation.anything), "bad_request", "bad_request"
    ),
    "federation": validation.Field(validation.anything, "invalid_multi_search_federated"),
}
PAGE_PARAMETERS = ("limit", "offset", "page", "hitsPerPage")
FindIndex = Callable[[str], Index]
CheckAccess = Callable[[str], None]


@dataclass
class FederatedQuery:
    """One of the queries of a federated search."""

    search: IndexSearch
    position: int
    weight: float

    def weighted_score(self, ranked: RankedDocument) -> float:
        return self.search.score(ranked) * self.weight


def multi_search(body: Any, find_index: FindIndex, check_access: CheckAccess) -> dict[str, Any]:
    """Return the response of `/multi-search`.

    `check_access` raises MeiliError for an index that the key does not cover.
    """
    parsed = validation.parse_object(body, BODY_FIELDS)
    queries = [
        validation.parse_object(query, QUERY_FIELDS, at=f".queries[{position}]")
        for position, query in enumerate(parsed["queries"])
    ]
    federation = parsed.get("federation")
    if federation is None:
        responses = [
            _search_alone(position, query, find_index, check_access)
            for position, query in enumerate(queries)
        ]
        return {"results": responses}
    options = validation.parse_object(federation, FEDERATION_FIELDS, at=".federation")
    for position, query in enumerate(queries):
        _with_path(position, partial(_check_federated, query, check_access))
    federated = [
        _with_path(position, partial(_federated_query, position, query, find_index))
        for position, query in enumerate(queries)
    ]
    return _merge(options, federated, find_index)


def _with_path(position: int, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except MeiliError as error:
        raise error.inside(f".queries[{position}]") from None


def _search_alone(
    position: int, query: dict[str, Any], find_index: FindIndex, check_access: CheckAccess
) -> dict[str, Any]:
    def respond() -> dict[str, Any]:
        if query.get("federationOptions") is not None:
            message = (
                "Using `federationOptions` is not allowed in a non-federated search.\n"
                " - Hint: remove `federationOptions` from the query or add `federation` to the "
                "request."
            )
            raise MeiliError("invalid_multi_search_federation_options", message)
        uid = query["indexUid"]
        check_access(uid)
        return {"indexUid": uid, **search_index(uid, find_index(uid), query)}

    response: dict[str, Any] = _with_path(position, respond)
    return response


def _check_federated(query: dict[str, Any], check_access: CheckAccess) -> None:
    check_access(query["indexUid"])
    for name in PAGE_PARAMETERS:
        if query.get(name) is not None:
            message = (
                "Using pagination options is not allowed in federated queries.\n"
                f" - Hint: remove `{name}` from the query or remove `federation` from the request\n"
                " - Hint: pass `federation.limit` and `federation.offset` for pagination in "
                "federated search"
            )
            raise MeiliError("invalid_multi_search_query_pagination", message)
    if query.get("facets"):
        uid, names = query["indexUid"], ", ".join(f'"{name}"' for name in query["facets"])
        message = (
            "Using facet options is not allowed in federated queries.\n"
            " - Hint: remove `facets` from the query or remove `federation` from the request\n"
            f" - Hint: pass `federation.facetsByIndex.{uid}: [{names}]` for facets in federated "
            "search"
        )
        raise MeiliError("invalid_multi_search_query_facets", message)


def _federated_query(position: int, query: dict[str, Any], find_index: FindIndex) -> FederatedQuery:
    options = validation.parse_object(
        query.get("federationOptions") or {}, FEDERATION_OPTION_FIELDS, at=".federationOptions"
    )
    search = IndexSearch(query["indexUid"], find_index(query["indexUid"]), query)
    return FederatedQuery(
        search, options.get("queryPosition", position), options.get("weight", 1.0)
    )


def _merge(
    options: Mapping[str, Any], queries: list[FederatedQuery], find_index: FindIndex
) -> dict[str, Any]:
    started = time.perf_counter()
    found = [(query, ranked) for query in queries for ranked in query.search.ranked_documents]
    found.sort(key=lambda pair: -pair[0].weighted_score(pair[1]))
    found = _without_duplicates(found)
    defaults = {"limit": 20, "offset": 0}
    paging, window = paginate(lambda name: _option(options, name, defaults.get(name)), len(found))
    response = {
        "hits": [_hit(query, ranked) for query, ranked in found[window]],
        "processingTimeMs": elapsed_ms(started),
        **paging,
        **_facets(options, queries, find_index),
    }
    return {**response, "requestUid": new_request_uid()}


def _option(options: Mapping[str, Any], name: str, default: Any) -> Any:
    value = options.get(name)
    return default if value is None else value


def _without_duplicates(
    found: list[tuple[FederatedQuery, RankedDocument]],
) -> list[tuple[FederatedQuery, RankedDocument]]:
    """Keep the first hit of each document of each index."""
    seen: set[tuple[str, int]] = set()
    unique = []
    for query, ranked in found:
        key = (query.search.uid, ranked.number)
        if key not in seen:
            unique.append((query, ranked))
        seen.add(key)
    return unique


def _hit(query: FederatedQuery, ranked: RankedDocument) -> dict[str, Any]:
    hit = query.search.hit(ranked)
    hit["_federation"] = {
        "indexUid": query.search.uid,
        "queriesPosition": query.position,
        "weightedRankingScore": query.weighted_score(ranked),
    }
    return hit


def _facets(
    options: Mapping[str, Any], queries: list[FederatedQuery], find_index: FindIndex
) -> dict[str, Any]:
    by_index: dict[str, Any] = {}
    for uid, names in (options.get("facetsByIndex") or {}).items():
        index = find_index(uid)
        try:
            check_facets(index, names, "invalid_multi_search_facets")
        except MeiliError as error:
            raise error.inside(f".federation.facetsByIndex.{uid}") from None
        searches = [query.search for query in queries if query.search.uid == uid]
        if not searches or names is None:
            continue
        documents = searches[0].documents()
        for other in searches[1:]:
            documents |= other.documents()
        max_values = index.settings["faceting"]["maxValuesPerFacet"]
        facets = searches[0].facets(names, documents, max_values)
        by_index[uid] = {"distribution": facets["facetDistribution"], "stats": facets["facetStats"]}
    if not options.get("facetsByIndex"):
        return {}
    merge = options.get("mergeFacets")
    if merge is None:
        return {"facetsByIndex": by_index}
    return _merge_facets(by_index, merge.get("maxValuesPerFacet") or 100)


def _merge_facets(by_index: dict[str, Any], max_values: int) -> dict[str, Any]:
    counts: dict[str, dict[str, int]] = {}
    stats: dict[str, dict[str, float]] = {}
    for facets in by_index.values():
        for name, values in facets["distribution"].items():
            merged = counts.setdefault(name, {})
            for value, count in values.items():
                merged[value] = merged.get(value, 0) + count
        for name, bounds in facets["stats"].items():
            merged_bounds = stats.setdefault(name, dict(bounds))
            merged_bounds["min"] = min(merged_bounds["min"], bounds["min"])
            merged_bounds["max"] = max(merged_bounds["max"], bounds["max"])
    distribution = {
        name: dict(list(values.items())[:max_values]) for name, values in counts.items()
    }
    return {"facetDistribution": distribution, "facetStats": stats}
