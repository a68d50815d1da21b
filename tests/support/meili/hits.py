"""One search over one index: its parameters, the documents found, and the hits made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyroaring import BitMap

from tests.support.meili import formatting, shape
from tests.support.meili.errors import MeiliError
from tests.support.meili.filtering import filtered
from tests.support.meili.index import Index
from tests.support.meili.queries import Query, parse_query
from tests.support.meili.ranking import Matcher, Ranked, sort_values

_strings = shape.nullable(shape.list_of(shape.string))


def _field(check: shape.Check, name: str) -> shape.Field:
    return shape.Field(check, f"invalid_search_{name}")


FIELDS: dict[str, shape.Field] = {
    "q": _field(shape.nullable(shape.string), "q"),
    "offset": _field(shape.uint, "offset"),
    "limit": _field(shape.uint, "limit"),
    "page": _field(shape.nullable(shape.uint), "page"),
    "hitsPerPage": _field(shape.nullable(shape.uint), "hits_per_page"),
    "attributesToRetrieve": _field(_strings, "attributes_to_retrieve"),
    "attributesToCrop": _field(_strings, "attributes_to_crop"),
    "cropLength": _field(shape.uint, "crop_length"),
    "cropMarker": _field(shape.string, "crop_marker"),
    "attributesToHighlight": _field(_strings, "attributes_to_highlight"),
    "highlightPreTag": _field(shape.string, "highlight_pre_tag"),
    "highlightPostTag": _field(shape.string, "highlight_post_tag"),
    "showMatchesPosition": _field(shape.boolean, "show_matches_position"),
    "filter": _field(shape.anything, "filter"),
    "sort": _field(_strings, "sort"),
    "distinct": _field(shape.nullable(shape.string), "distinct"),
    "facets": _field(_strings, "facets"),
    "matchingStrategy": _field(shape.one_of("last", "all", "frequency"), "matching_strategy"),
    "attributesToSearchOn": _field(_strings, "attributes_to_search_on"),
    "rankingScoreThreshold": _field(shape.nullable(shape.number), "ranking_score_threshold"),
    "locales": _field(_strings, "locales"),
    "hybrid": _field(shape.anything, "hybrid"),
    "vector": _field(shape.anything, "vector"),
    "retrieveVectors": _field(shape.boolean, "retrieve_vectors"),
    "media": _field(shape.anything, "media"),
    "personalize": _field(shape.anything, "personalize"),
    "useNetwork": _field(shape.nullable(shape.boolean), "use_network"),
    "showRankingScore": _field(shape.boolean, "show_ranking_score"),
    "showRankingScoreDetails": _field(shape.boolean, "show_ranking_score_details"),
    "showPerformanceDetails": _field(shape.boolean, "show_performance_details"),
}
USUAL: dict[str, Any] = {
    "offset": 0,
    "limit": 20,
    "cropLength": 10,
    "cropMarker": "…",
    "highlightPreTag": "<em>",
    "highlightPostTag": "</em>",
    "matchingStrategy": "last",
}


@dataclass
class Search:
    """One query of a request, with everything that it finds."""

    uid: str
    index: Index
    asked: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._check_sort()
        self._check_attributes()
        self.text: str = self.asked.get("q") or ""
        self.universe = self.index.everything
        if self.asked.get("filter") is not None:
            value = self.asked["filter"]
            self.universe = filtered(
                self.index, value, "invalid_search_filter", self.uid, anew=True
            )

    def option(self, name: str) -> Any:
        value = self.asked.get(name)
        return USUAL.get(name) if value is None else value

    @cached_property
    def query(self) -> Query:
        return parse_query(self.index, self.text)

    @cached_property
    def matcher(self) -> Matcher:
        wanted = self.asked.get("attributesToSearchOn")
        names = [
            name
            for name in self.index.words
            if wanted is None or "*" in wanted or name.split(".")[0] in wanted or name in wanted
        ]
        return Matcher(self.index, self.query, names, self.option("matchingStrategy"))

    @cached_property
    def found(self) -> list[Ranked]:
        """Every document that is found, best first."""
        universe = self.universe - self.matcher.absent()
        if self.query.empty:
            ranked = [Ranked(number, {}) for number in universe]
        else:
            ranked = [
                self.matcher.ranked(number, level.kept)
                for level in self.matcher.levels(universe)
                for number in level.documents
            ]
        ranked.sort(key=self._key)
        least = self.asked.get("rankingScoreThreshold")
        if least is not None:
            ranked = [one for one in ranked if self.score(one) >= least]
        attribute = self.asked.get("distinct") or self.index.settings["distinctAttribute"]
        return self._distinct(ranked, attribute) if attribute else ranked

    @property
    def rules(self) -> list[str]:
        return list(self.index.settings["rankingRules"])

    def score(self, one: Ranked) -> float:
        return one.score(self.rules)

    def values(self, one: Ranked) -> dict[str, Any]:
        return self.index.stored[one.number].values

    def hit(self, one: Ranked) -> dict[str, Any]:
        """Return a document as the request wants to see it."""
        values = {
            name: value
            for name, value in self.values(one).items()
            if _chosen(name, self.index.settings["displayedAttributes"])
        }
        retrieve = self.option("attributesToRetrieve") or ["*"]
        if self.asked.get("attributesToRetrieve") == []:
            retrieve = []
        hit = {name: value for name, value in values.items() if _chosen(name, retrieve)}
        self._format(hit, values)
        if self.asked.get("showRankingScore"):
            hit["_rankingScore"] = self.score(one)
        if self.asked.get("showRankingScoreDetails"):
            hit["_rankingScoreDetails"] = self._details(one)
        return hit

    def facets(self, names: list[str], documents: BitMap, most: int) -> dict[str, Any]:
        """Return the counts of facet values and the bounds of numbers."""
        distribution: dict[str, dict[str, int]] = {}
        stats: dict[str, Any] = {}
        orders = self.index.settings["faceting"]["sortFacetValuesBy"]
        for name in sorted(self.index.facets):
            if not _chosen(name, names):
                continue
            facet = self.index.facets[name]
            numbers = {n: len(held & documents) for n, held in facet.numbers.maps.items()}
            numbers = {n: count for n, count in sorted(numbers.items()) if count}
            counts = {_number_text(n): count for n, count in numbers.items()}
            for key, held in sorted(facet.strings.maps.items()):
                count = len(held & documents)
                if count:
                    counts[facet.shown[key]] = count
            order = orders.get(name, orders["*"])
            items = list(counts.items())
            if order == "count":
                items.sort(key=lambda item: -item[1])
            distribution[name] = dict(items[:most])
            if numbers:
                stats[name] = {"min": min(numbers), "max": max(numbers)}
        return {"facetDistribution": distribution, "facetStats": stats}

    def documents(self) -> BitMap:
        return BitMap(one.number for one in self.found)

    def _key(self, one: Ranked) -> list[Any]:
        sorts: list[str] = self.asked.get("sort") or []
        key: list[Any] = []
        for rule in self.rules:
            if rule == "sort":
                key += [self._sort_key(one, sort) for sort in sorts]
            elif rule.endswith((":asc", ":desc")):
                key.append(self._sort_key(one, rule))
            else:
                key += [-rank for rank in one.rank_of(rule)]
        return [*key, one.number]

    def _sort_key(self, one: Ranked, sort: str) -> tuple[int, Any]:
        name, _, direction = sort.rpartition(":")
        value = sort_values(self.values(one), name)
        sign = 1 if direction == "asc" else -1
        if isinstance(value, int | float) and not isinstance(value, bool):
            return 0, sign * value
        if isinstance(value, str):
            return 1, tuple(sign * ord(c) for c in value)
        return 2, 0

    def _details(self, one: Ranked) -> dict[str, Any]:
        """Return the score rule by rule."""
        details: dict[str, Any] = {}
        for rule in self.rules:
            sorts = (
                (self.asked.get("sort") or []) if rule == "sort" else [rule] if ":" in rule else []
            )
            for sort in sorts:
                value = sort_values(self.values(one), sort.rpartition(":")[0])
                number = isinstance(value, int) and not isinstance(value, bool)
                details[sort] = {"order": len(details), "value": float(value) if number else value}
            detail = one.detail(rule)
            if detail is not None:
                details[rule] = {"order": len(details), **detail}
        return details

    def _distinct(self, ranked: list[Ranked], attribute: str) -> list[Ranked]:
        seen: set[str] = set()
        kept = []
        for one in ranked:
            value = sort_values(self.values(one), attribute)
            if value is None or str(value) not in seen:
                kept.append(one)
            seen.add(str(value))
        return kept

    def _format(self, hit: dict[str, Any], values: dict[str, Any]) -> None:
        highlighter = formatting.Highlighter(self.index, self.query)
        wanted = formatting.formats(
            values,
            self.asked.get("attributesToHighlight") or [],
            self.asked.get("attributesToCrop") or [],
            self.option("cropLength"),
        )
        style = formatting.Style(
            self.option("highlightPreTag"),
            self.option("highlightPostTag"),
            self.option("cropMarker"),
        )
        if wanted:
            hit["_formatted"] = {
                name: formatting.mapped(
                    value, highlighter.formatter(wanted.get(name, formatting.PLAIN), style)
                )
                for name, value in values.items()
                if name in wanted or name in hit
            }
        if self.asked.get("showMatchesPosition"):
            hit["_matchesPosition"] = _positions(highlighter, values)

    def _check_sort(self) -> None:
        allowed = self.index.settings["sortableAttributes"]
        for sort in self.asked.get("sort") or []:
            check_sort(sort, allowed, "invalid_search_sort", f"Index `{self.uid}`: ")

    def _check_attributes(self) -> None:
        searchable = self.index.settings["searchableAttributes"]
        for name in self.asked.get("attributesToSearchOn") or []:
            if searchable != ["*"] and name not in (*searchable, "*"):
                known = ", ".join(sorted(searchable))
                raise MeiliError(
                    "invalid_search_attributes_to_search_on",
                    f"Index `{self.uid}`: Attribute `{name}` is not searchable. "
                    f"Available searchable attributes are: `{known}`.",
                )


def check_sort(sort: str, allowed: list[str], code: str, place: str) -> None:
    """Refuse a sort by what is not sortable, or that is none."""
    name, _, direction = sort.rpartition(":")
    if direction not in ("asc", "desc"):
        message = (
            "Invalid syntax for the sort parameter: expected expression ending by `:asc` or "
            f"`:desc`, found `{sort}`."
        )
        raise MeiliError(code, place + message)
    if name not in allowed:
        listed = ", ".join(f"`{attribute}`" for attribute in sorted(allowed))
        known = (
            f"Available sortable attributes are: {listed}."
            if allowed
            else "This index does not have configured sortable attributes."
        )
        raise MeiliError(code, f"{place}Attribute `{name}` is not sortable. {known}")


def _positions(highlighter: formatting.Highlighter, values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        bounds = highlighter.all_bounds(value)
        if bounds:
            found[name] = bounds
    return found


def _chosen(name: str, names: list[str]) -> bool:
    return "*" in names or name in names


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)
