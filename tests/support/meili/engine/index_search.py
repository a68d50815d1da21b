"""One search in ranked index: its parameters, the ranked documents, and their JSON as hits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyroaring import BitMap

from tests.support.meili import validation
from tests.support.meili.engine import highlighting
from tests.support.meili.engine.filter_evaluation import documents_matching
from tests.support.meili.engine.index import Index
from tests.support.meili.engine.matching import QueryMatcher
from tests.support.meili.engine.query_terms import Query, parse_query
from tests.support.meili.engine.ranking import DocumentRanker, RankedDocument, sort_value
from tests.support.meili.errors import MeiliError

_strings = validation.nullable(validation.list_of(validation.string))


def _field(check: validation.Check, name: str) -> validation.Field:
    return validation.Field(check, f"invalid_search_{name}")


SEARCH_FIELDS: dict[str, validation.Field] = {
    "q": _field(validation.nullable(validation.string), "q"),
    "offset": _field(validation.unsigned, "offset"),
    "limit": _field(validation.unsigned, "limit"),
    "page": _field(validation.nullable(validation.unsigned), "page"),
    "hitsPerPage": _field(validation.nullable(validation.unsigned), "hits_per_page"),
    "attributesToRetrieve": _field(_strings, "attributes_to_retrieve"),
    "attributesToCrop": _field(_strings, "attributes_to_crop"),
    "cropLength": _field(validation.unsigned, "crop_length"),
    "cropMarker": _field(validation.string, "crop_marker"),
    "attributesToHighlight": _field(_strings, "attributes_to_highlight"),
    "highlightPreTag": _field(validation.string, "highlight_pre_tag"),
    "highlightPostTag": _field(validation.string, "highlight_post_tag"),
    "showMatchesPosition": _field(validation.boolean, "show_matches_position"),
    "filter": _field(validation.anything, "filter"),
    "sort": _field(_strings, "sort"),
    "distinct": _field(validation.nullable(validation.string), "distinct"),
    "facets": _field(_strings, "facets"),
    "matchingStrategy": _field(validation.one_of("last", "all", "frequency"), "matching_strategy"),
    "attributesToSearchOn": _field(_strings, "attributes_to_search_on"),
    "rankingScoreThreshold": _field(
        validation.nullable(validation.number), "ranking_score_threshold"
    ),
    "locales": _field(_strings, "locales"),
    "hybrid": _field(validation.anything, "hybrid"),
    "vector": _field(validation.anything, "vector"),
    "retrieveVectors": _field(validation.boolean, "retrieve_vectors"),
    "media": _field(validation.anything, "media"),
    "personalize": _field(validation.anything, "personalize"),
    "useNetwork": _field(validation.nullable(validation.boolean), "use_network"),
    "showRankingScore": _field(validation.boolean, "show_ranking_score"),
    "showRankingScoreDetails": _field(validation.boolean, "show_ranking_score_details"),
    "showPerformanceDetails": _field(validation.boolean, "show_performance_details"),
}
DEFAULTS: dict[str, Any] = {
    "offset": 0,
    "limit": 20,
    "cropLength": 10,
    "cropMarker": "…",
    "highlightPreTag": "<em>",
    "highlightPostTag": "</em>",
    "matchingStrategy": "last",
}


@dataclass
class IndexSearch:
    """A search with its parsed parameters; what it finds is computed on first use."""

    uid: str
    index: Index
    parameters: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._check_sort()
        self._check_attributes()
        self.text: str = self.parameters.get("q") or ""
        self.candidates = self.index.all_documents
        if self.parameters.get("filter") is not None:
            value = self.parameters["filter"]
            self.candidates = documents_matching(
                self.index, value, "invalid_search_filter", self.uid, normalise_message=True
            )

    def option(self, name: str) -> Any:
        value = self.parameters.get(name)
        return DEFAULTS.get(name) if value is None else value

    @cached_property
    def query(self) -> Query:
        return parse_query(self.index, self.text)

    @cached_property
    def matcher(self) -> QueryMatcher:
        wanted = self.parameters.get("attributesToSearchOn")
        names = [
            name
            for name in self.index.words
            if wanted is None or "*" in wanted or name.split(".")[0] in wanted or name in wanted
        ]
        return QueryMatcher(self.index, self.query, names, self.option("matchingStrategy"))

    @cached_property
    def ranked_documents(self) -> list[RankedDocument]:
        """Every document that matches, best first."""
        candidates = self.candidates - self.matcher.documents_with_excluded_words()
        if self.query.empty:
            documents = [RankedDocument(number, {}) for number in candidates]
        else:
            ranker = DocumentRanker(self.matcher)
            documents = [
                ranker.rank(number, level.terms)
                for level in self.matcher.levels(candidates)
                for number in level.documents
            ]
        documents.sort(key=self._ranking_key)
        threshold = self.parameters.get("rankingScoreThreshold")
        if threshold is not None:
            documents = [ranked for ranked in documents if self.score(ranked) >= threshold]
        attribute = self.parameters.get("distinct") or self.index.settings["distinctAttribute"]
        return self._distinct(documents, attribute) if attribute else documents

    @property
    def rules(self) -> list[str]:
        return list(self.index.settings["rankingRules"])

    def score(self, ranked: RankedDocument) -> float:
        return ranked.score(self.rules)

    def values(self, ranked: RankedDocument) -> dict[str, Any]:
        return self.index.stored[ranked.number].values

    def hit(self, ranked: RankedDocument) -> dict[str, Any]:
        """Return a document as the JSON that the request asks for."""
        values = {
            name: value
            for name, value in self.values(ranked).items()
            if _is_selected(name, self.index.settings["displayedAttributes"])
        }
        retrieve = self.option("attributesToRetrieve") or ["*"]
        if self.parameters.get("attributesToRetrieve") == []:
            retrieve = []
        hit = {name: value for name, value in values.items() if _is_selected(name, retrieve)}
        self._add_formatted(hit, values)
        if self.parameters.get("showRankingScore"):
            hit["_rankingScore"] = self.score(ranked)
        if self.parameters.get("showRankingScoreDetails"):
            hit["_rankingScoreDetails"] = self._details(ranked)
        return hit

    def facets(self, names: list[str], documents: BitMap, max_values: int) -> dict[str, Any]:
        """Return the counts of facet values, and the minimum and maximum of numbers."""
        distribution: dict[str, dict[str, int]] = {}
        stats: dict[str, Any] = {}
        orders = self.index.settings["faceting"]["sortFacetValuesBy"]
        for name in sorted(self.index.facets):
            if not _is_selected(name, names):
                continue
            facet = self.index.facets[name]
            numbers = {
                number: len(having_value & documents)
                for number, having_value in facet.numbers.lists.items()
            }
            numbers = {n: count for n, count in sorted(numbers.items()) if count}
            counts = {_number_text(n): count for n, count in numbers.items()}
            for key, having_value in sorted(facet.strings.lists.items()):
                count = len(having_value & documents)
                if count:
                    counts[facet.shown[key]] = count
            order = orders.get(name, orders["*"])
            items = list(counts.items())
            if order == "count":
                items.sort(key=lambda item: -item[1])
            distribution[name] = dict(items[:max_values])
            if numbers:
                stats[name] = {"min": min(numbers), "max": max(numbers)}
        return {"facetDistribution": distribution, "facetStats": stats}

    def documents(self) -> BitMap:
        return BitMap(ranked.number for ranked in self.ranked_documents)

    def _ranking_key(self, ranked: RankedDocument) -> list[Any]:
        sorts: list[str] = self.parameters.get("sort") or []
        key: list[Any] = []
        for rule in self.rules:
            if rule == "sort":
                key += [self._sort_key(ranked, sort) for sort in sorts]
            elif rule.endswith((":asc", ":desc")):
                key.append(self._sort_key(ranked, rule))
            else:
                key += [-part.rank for part in ranked.ranks_of(rule)]
        return [*key, ranked.number]

    def _sort_key(self, ranked: RankedDocument, sort: str) -> tuple[int, Any]:
        name, _, direction = sort.rpartition(":")
        value = sort_value(self.values(ranked), name)
        sign = 1 if direction == "asc" else -1
        if isinstance(value, int | float) and not isinstance(value, bool):
            return 0, sign * value
        if isinstance(value, str):
            return 1, tuple(sign * ord(c) for c in value)
        return 2, 0

    def _details(self, ranked: RankedDocument) -> dict[str, Any]:
        """Return the score of each ranking rule."""
        details: dict[str, Any] = {}
        for rule in self.rules:
            sorts = [rule] if ":" in rule else []
            if rule == "sort":
                sorts = self.parameters.get("sort") or []
            for sort in sorts:
                value = sort_value(self.values(ranked), sort.rpartition(":")[0])
                number = isinstance(value, int) and not isinstance(value, bool)
                details[sort] = {"order": len(details), "value": float(value) if number else value}
            detail = ranked.detail(rule)
            if detail is not None:
                details[rule] = {"order": len(details), **detail}
        return details

    def _distinct(self, documents: list[RankedDocument], attribute: str) -> list[RankedDocument]:
        seen: set[str] = set()
        distinct = []
        for ranked in documents:
            value = sort_value(self.values(ranked), attribute)
            if value is None or str(value) not in seen:
                distinct.append(ranked)
            seen.add(str(value))
        return distinct

    def _add_formatted(self, hit: dict[str, Any], values: dict[str, Any]) -> None:
        highlighter = highlighting.Highlighter(self.index, self.query)
        formats = highlighting.attribute_formats(
            values,
            self.parameters.get("attributesToHighlight") or [],
            self.parameters.get("attributesToCrop") or [],
            self.option("cropLength"),
        )
        marks = highlighting.FormatMarks(
            self.option("highlightPreTag"),
            self.option("highlightPostTag"),
            self.option("cropMarker"),
        )
        if formats:
            hit["_formatted"] = {
                name: highlighting.map_texts(
                    value, highlighter.formatter(formats.get(name, highlighting.UNFORMATTED), marks)
                )
                for name, value in values.items()
                if name in formats or name in hit
            }
        if self.parameters.get("showMatchesPosition"):
            hit["_matchesPosition"] = _positions(highlighter, values)

    def _check_sort(self) -> None:
        allowed = self.index.settings["sortableAttributes"]
        for sort in self.parameters.get("sort") or []:
            check_sort(sort, allowed, "invalid_search_sort", f"Index `{self.uid}`: ")

    def _check_attributes(self) -> None:
        searchable = self.index.settings["searchableAttributes"]
        for name in self.parameters.get("attributesToSearchOn") or []:
            if searchable != ["*"] and name not in (*searchable, "*"):
                known = ", ".join(sorted(searchable))
                raise MeiliError(
                    "invalid_search_attributes_to_search_on",
                    f"Index `{self.uid}`: Attribute `{name}` is not searchable. "
                    f"Available searchable attributes are: `{known}`.",
                )


def check_sort(sort: str, allowed: list[str], code: str, prefix: str) -> None:
    """Check a sort expression; MeiliError if it is malformed or its attribute not sortable."""
    name, _, direction = sort.rpartition(":")
    if direction not in ("asc", "desc"):
        message = (
            "Invalid syntax for the sort parameter: expected expression ending by `:asc` or "
            f"`:desc`, found `{sort}`."
        )
        raise MeiliError(code, prefix + message)
    if name not in allowed:
        listed = ", ".join(f"`{attribute}`" for attribute in sorted(allowed))
        known = (
            f"Available sortable attributes are: {listed}."
            if allowed
            else "This index does not have configured sortable attributes."
        )
        raise MeiliError(code, f"{prefix}Attribute `{name}` is not sortable. {known}")


def _positions(highlighter: highlighting.Highlighter, values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        bounds = highlighter.match_bounds_of_value(value)
        if bounds:
            found[name] = bounds
    return found


def _is_selected(name: str, names: list[str]) -> bool:
    return "*" in names or name in names


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)
