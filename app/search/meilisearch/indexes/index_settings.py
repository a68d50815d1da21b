"""Pure: the desired settings of every index, and which of them a server's index lacks."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from app.published.feed_columns import FACET_COLUMNS
from app.search.engine import Synonyms

PRIMARY_KEY = "id"
# The fields that every caller may search; earlier fields rank higher.
PUBLIC_FIELDS = ("stem", "options", "terms", "hints")
ANSWER_FIELD = "answer"
MAX_HITS = 2000
# The dictionary lists every mixture of upper and lower case only for terms up to this length.
MAX_LETTERS_ALL_CASES = 4

# The server's built-in ranking rules, which must all be listed before any other rule.
_BUILT_IN_RANKING = (
    "words",
    "typo",
    "proximity",
    "attributeRank",
    "sort",
    "wordPosition",
    "exactness",
)
_EQUALITY_FILTER = {"equality": True, "comparison": False}
_COMPARISON_FILTER = {"equality": True, "comparison": True}
# The dictionary is case-sensitive and also matches inside words, so it lists only terms that no
# other word contains.
_DICTIONARY_TERMS = (
    *("C++", "C#", "F#", "J#", ".NET", "k-NN", "k-means", "A*", "R²"),
    *("O(1)", "O(n)", "O(log n)", "O(n log n)"),
)
_SPELLING_SYNONYMS: dict[str, tuple[str, ...]] = {
    "knn": ("k-nn",),
    "k-nn": ("knn",),
    "kmeans": ("k-means",),
    "k-means": ("kmeans",),
    "cpp": ("c++",),
    "c++": ("cpp",),
    "csharp": ("c#",),
    "c#": ("csharp",),
    "dotnet": (".net",),
    ".net": ("dotnet",),
    "r2": ("r²",),
    "r²": ("r2",),
}


def desired_settings(synonyms: Synonyms) -> dict[str, Any]:
    """Return the settings that an index must have; `synonyms` are those of the editors."""
    return {
        "searchableAttributes": [*PUBLIC_FIELDS, ANSWER_FIELD],
        "filterableAttributes": [
            _filterable(
                _EQUALITY_FILTER,
                *("ready", "question"),
                *FACET_COLUMNS,
            ),
            _filterable(_COMPARISON_FILTER, "id", "updated_at"),
        ],
        "dictionary": sorted({form for term in _DICTIONARY_TERMS for form in _case_variants(term)}),
        "synonyms": _synonyms(synonyms),
        # Hits that rank the same are ordered by id, newest first, and not by the time of indexing.
        "rankingRules": [*_BUILT_IN_RANKING, f"{PRIMARY_KEY}:desc"],
        "typoTolerance": {"disableOnNumbers": True},
        "pagination": {"maxTotalHits": MAX_HITS},
        "facetSearch": False,
        "searchCutoffMs": 500,
        # These are the defaults; listed so that a change by someone else is undone.
        "displayedAttributes": ["*"],
        "sortableAttributes": [],
        "stopWords": [],
        "separatorTokens": [],
        "nonSeparatorTokens": [],
        "distinctAttribute": None,
        "proximityPrecision": "byWord",
        "prefixSearch": "indexingTime",
    }


def settings_changes(desired: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the desired settings that differ from the current ones of an index."""
    return {
        name: value
        for name, value in desired.items()
        if not _is_equal(value, current.get(name), name)
    }


def _is_equal(desired: Any, current: Any, name: str) -> bool:  # noqa: ANN401 - JSON
    if name == "synonyms" and isinstance(current, Mapping):
        return {word: sorted(others) for word, others in desired.items()} == {
            word: sorted(others) for word, others in current.items()
        }
    if isinstance(desired, Mapping):
        # The server adds defaults for the keys that we do not send.
        return isinstance(current, Mapping) and all(
            _is_equal(value, current.get(key), key) for key, value in desired.items()
        )
    if name == "dictionary" and isinstance(current, list):
        return sorted(desired) == sorted(current)
    return bool(desired == current)


def _filterable(operators: Mapping[str, bool], *names: str) -> dict[str, Any]:
    return {
        "attributePatterns": list(names),
        "features": {"facetSearch": False, "filter": dict(operators)},
    }


def _case_variants(term: str) -> set[str]:
    letters = [(char.lower(), char.upper()) for char in term]
    if sum(char.isalpha() for char in term) > MAX_LETTERS_ALL_CASES:
        return {term, term.lower(), term.upper(), term.capitalize()}
    return {"".join(form) for form in product(*letters)}


def _synonyms(synonyms: Synonyms) -> dict[str, list[str]]:
    merged: dict[str, set[str]] = {word: set(others) for word, others in _SPELLING_SYNONYMS.items()}
    for phrase, others in synonyms.items():
        merged.setdefault(phrase, set()).update(others)
    return {word: sorted(others - {word}) for word, others in sorted(merged.items())}
