"""Settings of an index: their shapes, defaults, merging and what a tokenizer needs of them."""

import copy
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from tests.support.meili import shape
from tests.support.meili.errors import MeiliError
from tests.support.meili.tokens import Tokenizer, tokenizer

RANKING_RULES = [
    "words",
    "typo",
    "proximity",
    "attributeRank",
    "sort",
    "wordPosition",
    "exactness",
]
DEFAULTS: dict[str, Any] = {
    "displayedAttributes": ["*"],
    "searchableAttributes": ["*"],
    "filterableAttributes": [],
    "sortableAttributes": [],
    "rankingRules": RANKING_RULES,
    "stopWords": [],
    "nonSeparatorTokens": [],
    "separatorTokens": [],
    "dictionary": [],
    "synonyms": {},
    "distinctAttribute": None,
    "proximityPrecision": "byWord",
    "typoTolerance": {
        "enabled": True,
        "minWordSizeForTypos": {"oneTypo": 5, "twoTypos": 9},
        "disableOnWords": [],
        "disableOnAttributes": [],
        "disableOnNumbers": False,
    },
    "faceting": {"maxValuesPerFacet": 100, "sortFacetValuesBy": {"*": "alpha"}},
    "pagination": {"maxTotalHits": 1000},
    "embedders": {},
    "searchCutoffMs": None,
    "localizedAttributes": None,
    "facetSearch": True,
    "prefixSearch": "indexingTime",
}
SORTED = ("sortableAttributes", "stopWords", "nonSeparatorTokens", "separatorTokens", "dictionary")
# A change of one of these makes the server read every document again.
REINDEXING = (
    "searchableAttributes",
    "filterableAttributes",
    "stopWords",
    "nonSeparatorTokens",
    "separatorTokens",
    "dictionary",
)


def _ranking_rule(value: Any, at: str) -> str:
    text = shape.string(value, at)
    plain = text.removesuffix(":asc").removesuffix(":desc")
    if text not in {*RANKING_RULES, "attribute"} and plain == text:
        shape.wrong_value(
            at,
            f"`{text}` ranking rule is invalid. Valid ranking rules are words, typo, sort, "
            "proximity, attribute, attributeRank, wordPosition, exactness and custom ranking "
            "rules.",
        )
    return text


def _filterable(value: Any, at: str) -> Any:
    if isinstance(value, str):
        return value
    features = shape.record_of(
        facetSearch=shape.boolean,
        filter=shape.record_of(equality=shape.boolean, comparison=shape.boolean),
    )
    rule = shape.record_of(attributePatterns=shape.list_of(shape.string), features=features)
    checked = rule(value, at)
    given = checked.get("features") or {}
    return {
        "attributePatterns": checked["attributePatterns"],
        "features": {
            "facetSearch": False,
            **given,
            "filter": {"equality": True, "comparison": False, **(given.get("filter") or {})},
        },
    }


_strings = shape.list_of(shape.string)
_CHECKS: dict[str, shape.Check] = {
    "displayedAttributes": _strings,
    "searchableAttributes": _strings,
    "filterableAttributes": shape.list_of(_filterable),
    "sortableAttributes": _strings,
    "foreignKeys": shape.anything,
    "rankingRules": shape.list_of(_ranking_rule),
    "stopWords": _strings,
    "nonSeparatorTokens": _strings,
    "separatorTokens": _strings,
    "dictionary": _strings,
    "synonyms": shape.mapping_of(_strings),
    "distinctAttribute": shape.string,
    "proximityPrecision": shape.one_of("byWord", "byAttribute"),
    "typoTolerance": shape.record_of(
        enabled=shape.boolean,
        minWordSizeForTypos=shape.record_of(oneTypo=shape.uint, twoTypos=shape.uint),
        disableOnWords=_strings,
        disableOnAttributes=_strings,
        disableOnNumbers=shape.boolean,
    ),
    "faceting": shape.record_of(
        maxValuesPerFacet=shape.uint,
        sortFacetValuesBy=shape.mapping_of(shape.one_of("alpha", "count")),
    ),
    "pagination": shape.record_of(maxTotalHits=shape.uint),
    "embedders": shape.anything,
    "searchCutoffMs": shape.uint,
    "localizedAttributes": shape.anything,
    "facetSearch": shape.boolean,
    "prefixSearch": shape.one_of("indexingTime", "disabled"),
    "chat": shape.anything,
}


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


FIELDS = {
    name: shape.Field(shape.nullable(check), f"invalid_settings_{snake(name)}")
    for name, check in _CHECKS.items()
}
ROUTES = {snake(name).replace("_", "-"): name for name in DEFAULTS}
# Settings that are objects are changed by PATCH on their own routes; the others by PUT.
PATCHED = frozenset({"typoTolerance", "faceting", "pagination", "embedders"})


def parse_settings(body: Any) -> dict[str, Any]:
    """Check a body of settings and return it as the server keeps it."""
    taken = shape.take(body, FIELDS)
    unsupported = [name for name in ("foreignKeys", "chat", "embedders") if taken.get(name)]
    if unsupported:
        message = f"The fake server knows nothing of `{unsupported[0]}`."
        raise MeiliError("feature_not_enabled", message)
    for name in SORTED:
        if taken.get(name) is not None:
            taken[name] = sorted(set(taken[name]))
    if taken.get("synonyms") is not None:
        taken["synonyms"] = dict(sorted(taken["synonyms"].items()))
    return taken


def merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings after a patch: null resets, objects of fixed fields are merged."""
    new = dict(old)
    for name, value in patch.items():
        if name not in DEFAULTS:
            continue
        new[name] = _merged_value(old[name], value, DEFAULTS[name], name)
    return new


def _merged_value(old: Any, value: Any, default: Any, name: str) -> Any:
    if value is None:
        return copy.deepcopy(default)
    if not isinstance(default, dict) or name in ("synonyms", "embedders"):
        return value
    if name == "sortFacetValuesBy":
        return dict(sorted({**default, **value}.items()))
    return {
        key: _merged_value(old[key], value[key], usual, key) if key in value else old[key]
        for key, usual in default.items()
    }


def tokenizer_of(settings: Mapping[str, Any]) -> Tokenizer:
    return tokenizer(
        tuple(settings["dictionary"]),
        tuple(settings["separatorTokens"]),
        tuple(settings["nonSeparatorTokens"]),
        tuple(settings["stopWords"]),
    )


ALL_FEATURES = {"facetSearch": True, "filter": {"equality": True, "comparison": True}}


def filterable_patterns(settings: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], int]]:
    """Return every pattern with its features and the number of its rule."""
    patterns = []
    for number, rule in enumerate(settings["filterableAttributes"]):
        if isinstance(rule, str):
            patterns.append((rule, ALL_FEATURES, number))
        else:
            patterns += [(name, rule["features"], number) for name in rule["attributePatterns"]]
    return patterns


@lru_cache(maxsize=4096)
def matches(pattern: str, attribute: str) -> bool:
    """Tell whether a pattern covers an attribute, or one that it lies in."""
    parents = attribute.split(".")
    names = [".".join(parents[:n]) for n in range(1, len(parents) + 1)]
    return any(name == pattern or fnmatchcase(name, pattern) for name in names)


def features_of(settings: Mapping[str, Any], attribute: str) -> tuple[dict[str, Any], int] | None:
    """Return the filter features of an attribute and the number of its rule."""
    for pattern, features, number in filterable_patterns(settings):
        if matches(pattern, attribute):
            return features, number
    return None
