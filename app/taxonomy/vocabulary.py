"""Pure: terms, the ways to name them, and the tree that categories form."""

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
# Only names that share most with a word are compared letter by letter: that is what is slow.
COMPARED = 24
MAX_COMPARED_LENGTH = 100

_SPOKEN = str.maketrans({"+": " plus ", "#": " sharp ", "&": " and ", "@": " at "})


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
        """The folded forms that mean this term and no other."""
        return frozenset(map(fold, (self.slug, self.name, *self.aliases)))


def fold(text: str) -> str:
    """Return the form in which names are compared: NFKC, no case, single spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def slugify(text: str) -> str:
    """Return a slug made of a name; empty where nothing is left of it."""
    spoken = unicodedata.normalize("NFKD", text.translate(_SPOKEN)).casefold()
    letters = "".join(char for char in spoken if not unicodedata.combining(char))
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    if len(slug) > MAX_SLUG:
        slug = slug[: MAX_SLUG + 1].rpartition("-")[0] or slug[:MAX_SLUG]
    return "" if is_uuid(slug) else slug


class Vocabulary:
    """Every term of one kind at one moment; it never changes."""

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
        """Return the slug of the term that `text` names by slug, name or alias, in any case."""
        # Most callers send the slug itself.
        return text if text in self.terms else self._slugs.get(fold(text))

    def near(self, text: str) -> list[str]:
        """Return at most three slugs that `text` may have meant, nearest first."""
        folded = fold(text[:MAX_COMPARED_LENGTH])
        shared = Counter(
            key for part in _trigrams(folded) for key in self._by_trigram.get(part, ())
        )
        likely = [key for key, _ in shared.most_common(COMPARED)]
        found = [self._slugs[key] for key in near_misses(folded, likely)]
        return list(dict.fromkeys(found))[:MAX_NEAR]

    def _subtree(self, slug: str) -> frozenset[str]:
        """Return the term and everything below it."""
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
    """The three vocabularies at one moment."""

    categories: Vocabulary
    companies: Vocabulary
    tags: Vocabulary

    def named(self, name: str) -> Vocabulary:
        """Return the vocabulary with one of the names in VOCABULARIES."""
        found: Vocabulary = getattr(self, name)
        return found
