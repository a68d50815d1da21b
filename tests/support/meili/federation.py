"""Several searches in one request: a list of answers, or one list of hits merged by score."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.support.meili import shape
from tests.support.meili.errors import MeiliError
from tests.support.meili.hits import FIELDS, Search
from tests.support.meili.index import Index
from tests.support.meili.ranking import Ranked
from tests.support.meili.searching import checked_facets, page, request_uid, search, since
from tests.support.meili.uids import index_uid

OPTIONS = {
    "weight": shape.Field(shape.number, "invalid_multi_search_weight"),
    "queryPosition": shape.Field(shape.uint, "invalid_multi_search_query_position"),
    "remote": shape.Field(shape.nullable(shape.string), "invalid_multi_search_remote"),
}
FEDERATION = {
    "limit": FIELDS["limit"],
    "offset": FIELDS["offset"],
    "page": FIELDS["page"],
    "hitsPerPage": FIELDS["hitsPerPage"],
    "facetsByIndex": shape.Field(
        shape.mapping_of(shape.nullable(shape.list_of(shape.string))),
        "invalid_multi_search_facets_by_index",
    ),
    "mergeFacets": shape.Field(
        shape.nullable(shape.record_of(maxValuesPerFacet=shape.uint)),
        "invalid_multi_search_merge_facets",
    ),
    "distinct": shape.Field(shape.nullable(shape.string), "invalid_multi_search_distinct"),
    "showPerformanceDetails": FIELDS["showPerformanceDetails"],
}
QUERY = {
    "indexUid": shape.Field(index_uid, "invalid_index_uid", "missing_index_uid"),
    **FIELDS,
    "federationOptions": shape.Field(shape.anything, "invalid_multi_search_federation_options"),
}
BODY = {
    "queries": shape.Field(shape.list_of(shape.anything), "bad_request", "bad_request"),
    "federation": shape.Field(shape.anything, "invalid_multi_search_federated"),
}
PAGING = ("limit", "offset", "page", "hitsPerPage")
Opener = Callable[[str], Index]


@dataclass
class Part:
    """One of the queries of a federated search."""

    search: Search
    position: int
    weight: float

    def score(self, one: Ranked) -> float:
        return self.search.score(one) * self.weight


def multi_search(body: Any, opener: Opener, allowed: Callable[[str], None]) -> dict[str, Any]:
    """Answer `/multi-search`; `opener` gives an index, `allowed` refuses what a key may not see."""
    taken = shape.take(body, BODY)
    queries = [
        shape.take(query, QUERY, at=f".queries[{place}]")
        for place, query in enumerate(taken["queries"])
    ]
    federation = taken.get("federation")
    if federation is None:
        answers = [_one(place, query, opener, allowed) for place, query in enumerate(queries)]
        return {"results": answers}
    asked = shape.take(federation, FEDERATION, at=".federation")
    for place, query in enumerate(queries):
        _inside(place, partial(_check_federated, query, allowed))
    parts = [
        _inside(place, partial(_part, place, query, opener)) for place, query in enumerate(queries)
    ]
    return _merged(asked, parts, opener)


def _inside(place: int, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except MeiliError as error:
        raise error.inside(f".queries[{place}]") from None


def _one(
    place: int, query: dict[str, Any], opener: Opener, allowed: Callable[[str], None]
) -> dict[str, Any]:
    def answer() -> dict[str, Any]:
        if query.get("federationOptions") is not None:
            message = (
                "Using `federationOptions` is not allowed in a non-federated search.\n"
                " - Hint: remove `federationOptions` from the query or add `federation` to the "
                "request."
            )
            raise MeiliError("invalid_multi_search_federation_options", message)
        uid = query["indexUid"]
        allowed(uid)
        return {"indexUid": uid, **search(uid, opener(uid), query)}

    answered: dict[str, Any] = _inside(place, answer)
    return answered


def _check_federated(query: dict[str, Any], allowed: Callable[[str], None]) -> None:
    allowed(query["indexUid"])
    for name in PAGING:
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


def _part(place: int, query: dict[str, Any], opener: Opener) -> Part:
    options = shape.take(query.get("federationOptions") or {}, OPTIONS, at=".federationOptions")
    one = Search(query["indexUid"], opener(query["indexUid"]), query)
    return Part(one, options.get("queryPosition", place), options.get("weight", 1.0))


def _merged(asked: Mapping[str, Any], parts: list[Part], opener: Opener) -> dict[str, Any]:
    started = time.perf_counter()
    found = [(part, one) for part in parts for one in part.search.found]
    found.sort(key=lambda pair: -pair[0].score(pair[1]))
    found = _once(found)
    usual = {"limit": 20, "offset": 0}
    paging, window = page(lambda name: _given(asked, name, usual.get(name)), len(found))
    answer = {
        "hits": [_hit(part, one) for part, one in found[window]],
        "processingTimeMs": since(started),
        **paging,
        **_facets(asked, parts, opener),
    }
    return {**answer, "requestUid": request_uid()}


def _given(asked: Mapping[str, Any], name: str, usual: Any) -> Any:
    value = asked.get(name)
    return usual if value is None else value


def _once(found: list[tuple[Part, Ranked]]) -> list[tuple[Part, Ranked]]:
    """Keep each document of each index once, where it is best."""
    seen: set[tuple[str, int]] = set()
    kept = []
    for part, one in found:
        key = (part.search.uid, one.number)
        if key not in seen:
            kept.append((part, one))
        seen.add(key)
    return kept


def _hit(part: Part, one: Ranked) -> dict[str, Any]:
    hit = part.search.hit(one)
    hit["_federation"] = {
        "indexUid": part.search.uid,
        "queriesPosition": part.position,
        "weightedRankingScore": part.score(one),
    }
    return hit


def _facets(asked: Mapping[str, Any], parts: list[Part], opener: Opener) -> dict[str, Any]:
    by_index: dict[str, Any] = {}
    for uid, names in (asked.get("facetsByIndex") or {}).items():
        index = opener(uid)
        try:
            checked_facets(index, names, "invalid_multi_search_facets")
        except MeiliError as error:
            raise error.inside(f".federation.facetsByIndex.{uid}") from None
        mine = [part.search for part in parts if part.search.uid == uid]
        if not mine or names is None:
            continue
        documents = mine[0].documents()
        for other in mine[1:]:
            documents |= other.documents()
        most = index.settings["faceting"]["maxValuesPerFacet"]
        facets = mine[0].facets(names, documents, most)
        by_index[uid] = {"distribution": facets["facetDistribution"], "stats": facets["facetStats"]}
    if not asked.get("facetsByIndex"):
        return {}
    merge = asked.get("mergeFacets")
    if merge is None:
        return {"facetsByIndex": by_index}
    return _merged_facets(by_index, merge.get("maxValuesPerFacet") or 100)


def _merged_facets(by_index: dict[str, Any], most: int) -> dict[str, Any]:
    counts: dict[str, dict[str, int]] = {}
    stats: dict[str, dict[str, float]] = {}
    for facets in by_index.values():
        for name, values in facets["distribution"].items():
            merged = counts.setdefault(name, {})
            for value, count in values.items():
                merged[value] = merged.get(value, 0) + count
        for name, bounds in facets["stats"].items():
            old = stats.setdefault(name, dict(bounds))
            old["min"] = min(old["min"], bounds["min"])
            old["max"] = max(old["max"], bounds["max"])
    shown = {name: dict(list(values.items())[:most]) for name, values in counts.items()}
    return {"facetDistribution": shown, "facetStats": stats}
