"""Pure: terms, their names and aliases, and the tree of categories."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

from app.core.errors import near_misses
from app.core.fields import MAX_SLUG, is_uuid

# The names of the vocabularies: in routes, in a question's content, in the change feed.
VOCABULARIES = ("categories", "companies", "tags")
MAX_NEAR = 3
# Comparing letter by letter is slow: only the names that share most trigrams are compared.
MAX_CANDIDATES = 24
MAX_COMPARED_LENGTH = 100

_SYMBOL_WORDS = str.maketrans({"+": " plus ", "#": " sharp ", "&": " and ", "@": " at "})


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a vocabulary; only categories have a parent, only tags a group."""

    slug: str
    name: str
    description: str
    aliases: tuple[str, ...]
    parent: str | None = None
    group: str | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The folded slug, name and aliases."""
        return frozenset(map(fold, (self.slug, self.name, *self.aliases)))


def fold(text: str) -> str:
    """Return a name in the form used for comparison: NFKC, case folded, single spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def slugify(text: str) -> str:
    """Return a slug made from a name; empty if no letter or digit remains."""
    with_words = unicodedata.normalize("NFKD", text.translate(_SYMBOL_WORDS)).casefold()
    letters = "".join(char for char in with_words if not unicodedata.combining(char))
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    if len(slug) > MAX_SLUG:
        slug = slug[: MAX_SLUG + 1].rpartition("-")[0] or slug[:MAX_SLUG]
    return "" if is_uuid(slug) else slug


class Vocabulary:
    """All terms of one vocabulary. Immutable."""

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        """Take the terms in any order."""
        ordered = sorted(terms, key=lambda term: (fold(term.name), term.slug))
        self.terms: Mapping[str, Term] = MappingProxyType({term.slug: term for term in ordered})
        self._slugs = {key: term.slug for term in ordered for key in term.keys}
        self._children: dict[str, list[str]] = {}
        for term in ordered:
            if term.parent is not None:
                self._children.setdefault(term.parent, []).append(term.slug)
        self.subtree = lru_cache(maxsize=4096)(self._subtree)

    def resolve(self, text: str) -> str | None:
        """Return the slug of the term with this slug, name or alias, ignoring case; or None."""
        # Most callers send the slug itself.
        return text if text in self.terms else self._slugs.get(fold(text))

    def near(self, text: str) -> list[str]:
        """Return at most three slugs with names similar to `text`, the nearest first."""
        folded = fold(text[:MAX_COMPARED_LENGTH])
        shared = Counter(
            key for part in _trigrams(folded) for key in self._by_trigram.get(part, ())
        )
        likely = [key for key, _ in shared.most_common(MAX_CANDIDATES)]
        found = [self._slugs[key] for key in near_misses(folded, likely)]
        return list(dict.fromkeys(found))[:MAX_NEAR]

    def _subtree(self, slug: str) -> frozenset[str]:
        """Return the term and all its descendants."""
        found = {slug}
        waiting = [slug]
        while waiting:
            below = [child for child in self._children.get(waiting.pop(), ()) if child not in found]
            found.update(below)
            waiting += below
        return frozenset(found)

    @cached_property
    def _by_trigram(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = {}
        for key in self._slugs:
            for part in _trigrams(key):
                index.setdefault(part, []).append(key)
        return index


def _trigrams(folded: str) -> Iterator[str]:
    padded = f" {folded} "
    return iter({padded[at : at + 3] for at in range(len(padded) - 2)})


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """The three vocabularies. Immutable."""

    categories: Vocabulary
    companies: Vocabulary
    tags: Vocabulary

    def named(self, name: str) -> Vocabulary:
        """Return the vocabulary with one of the names in VOCABULARIES."""
        found: Vocabulary = getattr(self, name)
        return found
