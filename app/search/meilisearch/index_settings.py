"""Pure: the settings of every index as code, and what of them a server lacks."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from app.published.feed_columns import FACET_COLUMNS
from app.search.engine import Synonyms

PRIMARY_KEY = "id"
# What everyone may search; the order is the rank.
PUBLIC_FIELDS = ("stem", "options", "terms", "hints")
ANSWER_FIELD = "answer"
MAX_HITS = 2000
# Beyond so many letters not every mixture of cases is listed.
MANY_LETTERS = 4

# The server's own rules; it takes no others without all of them.
_RANKING = ("words", "typo", "proximity", "attributeRank", "sort", "wordPosition", "exactness")
_EQUAL = {"equality": True, "comparison": False}
_COMPARED = {"equality": True, "comparison": True}
# The dictionary minds case and is matched inside words as well, so only what is unmistakable.
_FIELD_TERMS = (
    *("C++", "C#", "F#", "J#", ".NET", "k-NN", "k-means", "A*", "R²"),
    *("O(1)", "O(n)", "O(log n)", "O(n log n)"),
)
_SPELLINGS: dict[str, tuple[str, ...]] = {
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


def wanted_settings(synonyms: Synonyms) -> dict[str, Any]:
    """Return the settings that an index has to have; `synonyms` are those that editors keep."""
    return {
        "searchableAttributes": [*PUBLIC_FIELDS, ANSWER_FIELD],
        "filterableAttributes": [
            _filterable(
                _EQUAL,
                *("ready", "question"),
                *FACET_COLUMNS,
            ),
            _filterable(_COMPARED, "id", "updated_at"),
        ],
        "dictionary": sorted({form for term in _FIELD_TERMS for form in _cases(term)}),
        "synonyms": _synonyms(synonyms),
        # Equals in everything stand in an order of their own, newest first, not in that of arrival.
        "rankingRules": [*_RANKING, f"{PRIMARY_KEY}:desc"],
        "typoTolerance": {"disableOnNumbers": True},
        "pagination": {"maxTotalHits": MAX_HITS},
        "facetSearch": False,
        "searchCutoffMs": 500,
        # As they are by default, unless other hands were there.
        "displayedAttributes": ["*"],
        "sortableAttributes": [],
        "stopWords": [],
        "separatorTokens": [],
        "nonSeparatorTokens": [],
        "distinctAttribute": None,
        "proximityPrecision": "byWord",
        "prefixSearch": "indexingTime",
    }


def lacking(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be sent so that a server with the settings `found` has those `wanted`."""
    return {
        name: value for name, value in wanted.items() if not _holds(value, found.get(name), name)
    }


def _holds(wanted: Any, found: Any, name: str) -> bool:  # noqa: ANN401 - JSON
    if name == "synonyms" and isinstance(found, Mapping):
        return {word: sorted(others) for word, others in wanted.items()} == {
            word: sorted(others) for word, others in found.items()
        }
    if isinstance(wanted, Mapping):
        # The server fills in what is not sent.
        return isinstance(found, Mapping) and all(
            _holds(value, found.get(key), key) for key, value in wanted.items()
        )
    if name == "dictionary" and isinstance(found, list):
        return sorted(wanted) == sorted(found)
    return bool(wanted == found)


def _filterable(how: Mapping[str, bool], *names: str) -> dict[str, Any]:
    return {
        "attributePatterns": list(names),
        "features": {"facetSearch": False, "filter": dict(how)},
    }


def _cases(term: str) -> set[str]:
    letters = [(char.lower(), char.upper()) for char in term]
    if sum(char.isalpha() for char in term) > MANY_LETTERS:
        return {term, term.lower(), term.upper(), term.capitalize()}
    return {"".join(form) for form in product(*letters)}


def _synonyms(synonyms: Synonyms) -> dict[str, list[str]]:
    merged: dict[str, set[str]] = {word: set(others) for word, others in _SPELLINGS.items()}
    for phrase, others in synonyms.items():
        merged.setdefault(phrase, set()).update(others)
    return {word: sorted(others - {word}) for word, others in sorted(merged.items())}
