"""The settings of an index: validation, defaults, merging, and what is derived from them."""

import copy
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from tests.support.meili import validation
from tests.support.meili.engine.tokens import Tokenizer, tokenizer
from tests.support.meili.errors import MeiliError

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
SORTED_LISTS = (
    "sortableAttributes",
    "stopWords",
    "nonSeparatorTokens",
    "separatorTokens",
    "dictionary",
)
# After a change of one of these the server indexes every document again.
REINDEXING_SETTINGS = (
    "searchableAttributes",
    "filterableAttributes",
    "stopWords",
    "nonSeparatorTokens",
    "separatorTokens",
    "dictionary",
)


def _ranking_rule(value: Any, at: str) -> str:
    text = validation.string(value, at)
    plain = text.removesuffix(":asc").removesuffix(":desc")
    if text not in {*RANKING_RULES, "attribute"} and plain == text:
        validation.invalid_value(
            at,
            f"`{text}` ranking rule is invalid. Valid ranking rules are words, typo, sort, "
            "proximity, attribute, attributeRank, wordPosition, exactness and custom ranking "
            "rules.",
        )
    return text


def _filterable(value: Any, at: str) -> Any:
    if isinstance(value, str):
        return value
    features = validation.object_of(
        facetSearch=validation.boolean,
        filter=validation.object_of(equality=validation.boolean, comparison=validation.boolean),
    )
    rule = validation.object_of(
        attributePatterns=validation.list_of(validation.string), features=features
    )
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


_strings = validation.list_of(validation.string)
_CHECKS: dict[str, validation.Check] = {
    "displayedAttributes": _strings,
    "searchableAttributes": _strings,
    "filterableAttributes": validation.list_of(_filterable),
    "sortableAttributes": _strings,
    "foreignKeys": validation.anything,
    "rankingRules": validation.list_of(_ranking_rule),
    "stopWords": _strings,
    "nonSeparatorTokens": _strings,
    "separatorTokens": _strings,
    "dictionary": _strings,
    "synonyms": validation.mapping_of(_strings),
    "distinctAttribute": validation.string,
    "proximityPrecision": validation.one_of("byWord", "byAttribute"),
    "typoTolerance": validation.object_of(
        enabled=validation.boolean,
        minWordSizeForTypos=validation.object_of(
            oneTypo=validation.unsigned, twoTypos=validation.unsigned
        ),
        disableOnWords=_strings,
        disableOnAttributes=_strings,
        disableOnNumbers=validation.boolean,
    ),
    "faceting": validation.object_of(
        maxValuesPerFacet=validation.unsigned,
        sortFacetValuesBy=validation.mapping_of(validation.one_of("alpha", "count")),
    ),
    "pagination": validation.object_of(maxTotalHits=validation.unsigned),
    "embedders": validation.anything,
    "searchCutoffMs": validation.unsigned,
    "localizedAttributes": validation.anything,
    "facetSearch": validation.boolean,
    "prefixSearch": validation.one_of("indexingTime", "disabled"),
    "chat": validation.anything,
}


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


FIELDS = {
    name: validation.Field(validation.nullable(check), f"invalid_settings_{_snake_case(name)}")
    for name, check in _CHECKS.items()
}
SETTING_BY_PATH = {_snake_case(name).replace("_", "-"): name for name in DEFAULTS}
# Settings that are changed with PATCH on their own routes; the others with PUT.
PATCHED_SETTINGS = frozenset({"typoTolerance", "faceting", "pagination", "embedders"})


def parse_settings(body: Any) -> dict[str, Any]:
    """Return a valid body of settings as the server stores it."""
    settings = validation.parse_object(body, FIELDS)
    unsupported = [name for name in ("foreignKeys", "chat", "embedders") if settings.get(name)]
    if unsupported:
        message = f"The fake server does not support `{unsupported[0]}`."
        raise MeiliError("feature_not_enabled", message)
    for name in SORTED_LISTS:
        if settings.get(name) is not None:
            settings[name] = sorted(set(settings[name]))
    if settings.get("synonyms") is not None:
        settings["synonyms"] = dict(sorted(settings["synonyms"].items()))
    return settings


def merge_settings(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings after a patch: null resets a setting, and objects are merged."""
    merged = dict(old)
    for name, value in patch.items():
        if name not in DEFAULTS:
            continue
        merged[name] = _merged_value(old[name], value, DEFAULTS[name], name)
    return merged


def _merged_value(old: Any, value: Any, default: Any, name: str) -> Any:
    if value is None:
        return copy.deepcopy(default)
    if not isinstance(default, dict) or name in ("synonyms", "embedders"):
        return value
    if name == "sortFacetValuesBy":
        return dict(sorted({**default, **value}.items()))
    return {
        key: _merged_value(old[key], value[key], key_default, key) if key in value else old[key]
        for key, key_default in default.items()
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
    """Return each filterable pattern with its features and the index of its rule."""
    patterns = []
    for number, rule in enumerate(settings["filterableAttributes"]):
        if isinstance(rule, str):
            patterns.append((rule, ALL_FEATURES, number))
        else:
            patterns += [(name, rule["features"], number) for name in rule["attributePatterns"]]
    return patterns


@lru_cache(maxsize=4096)
def pattern_covers(pattern: str, attribute: str) -> bool:
    """Return whether a pattern matches an attribute or an object that contains it."""
    parents = attribute.split(".")
    names = [".".join(parents[:depth]) for depth in range(1, len(parents) + 1)]
    return any(name == pattern or fnmatchcase(name, pattern) for name in names)


def features_of(settings: Mapping[str, Any], attribute: str) -> tuple[dict[str, Any], int] | None:
    """Return the filter features of an attribute and the index of its rule, None without one."""
    for pattern, features, number in filterable_patterns(settings):
        if pattern_covers(pattern, attribute):
            return features, number
    return None
