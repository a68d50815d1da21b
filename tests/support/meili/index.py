"""One index of the fake Meilisearch: documents, settings, and what is derived from them."""

import bisect
import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyroaring import BitMap

from tests.support.meili import settings as setting
from tests.support.meili.moments import now
from tests.support.meili.postings import NOTHING, Facet, Sets, flat_values, leaves
from tests.support.meili.tokens import Token, Tokenizer

# How far words of two sentences, or of two values of one attribute, stand apart.
GAP = 8
LONGEST_WORD = 250
Places = dict[str, dict[str, list[int]]]


@dataclass(slots=True)
class Stored:
    """A document as it is kept; `places` are its words by attribute, once they were asked for."""

    values: dict[str, Any]
    places: Places | None = None


def located(tokens: Iterable[Token], start: int) -> list[tuple[str, int]]:
    """Return the words of a text with their positions, of which `start` is the first."""
    found: list[tuple[str, int]] = []
    position, hard = start, False
    for token in tokens:
        if not token.word:
            hard = hard or token.hard
        elif len(token.word.encode()) <= LONGEST_WORD:
            if found:
                position += GAP if hard else 1
            if not token.stop:
                found.append((token.word, position))
            hard = False
    return found


@dataclass
class Index:
    """Documents by external id; a draft is changed and then takes the original's place."""

    primary_key: str | None
    settings: dict[str, Any] = field(default_factory=lambda: setting.merged(setting.DEFAULTS, {}))
    created_at: int = field(default_factory=now)
    updated_at: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    stored: dict[int, Stored] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    words: dict[str, Sets] = field(default_factory=dict)
    facets: dict[str, Facet] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.updated_at = self.updated_at or self.created_at

    def draft(self) -> "Index":
        return Index(
            primary_key=self.primary_key,
            settings=self.settings,
            created_at=self.created_at,
            updated_at=self.updated_at,
            numbers=dict(self.numbers),
            stored=dict(self.stored),
            free=list(self.free),
            words={name: sets.draft() for name, sets in self.words.items()},
            facets={name: facet.draft() for name, facet in self.facets.items()},
            fields=dict(self.fields),
        )

    # What is read

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return setting.tokenizer_of(self.settings)

    @cached_property
    def everything(self) -> BitMap:
        return BitMap(self.stored)

    @cached_property
    def vocabulary(self) -> list[str]:
        """Every word, sorted."""
        return sorted(set().union(*(sets.maps for sets in self.words.values())))

    @cached_property
    def by_first(self) -> dict[str, list[str]]:
        """The words that typos may lead to, by first letter."""
        tolerance = self.settings["typoTolerance"]
        exact = tolerance["disableOnAttributes"]
        loose = [
            sets.maps
            for name, sets in self.words.items()
            if not any(setting.matches(pattern, name) for pattern in exact)
        ]
        found: dict[str, list[str]] = {}
        for word in sorted(set().union(*loose)):
            if not (tolerance["disableOnNumbers"] and is_number(word)):
                found.setdefault(word[0], []).append(word)
        return found

    def with_prefix(self, prefix: str) -> list[str]:
        start = bisect.bisect_left(self.vocabulary, prefix)
        end = bisect.bisect_left(self.vocabulary, prefix + "\U0010ffff")
        return self.vocabulary[start:end]

    def weight(self, attribute: str) -> int | None:
        """Return the rank of an attribute among those that are searched."""
        searchable = self.settings["searchableAttributes"]
        if searchable == ["*"]:
            return 0
        ranks = (n for n, name in enumerate(searchable) if setting.matches(name, attribute))
        return next(ranks, None)

    @property
    def heaviest(self) -> int:
        return max(len(self.settings["searchableAttributes"]) - 1, 0)

    def having(self, word: str, attributes: Iterable[str]) -> BitMap:
        """Return the documents with a word in one of the attributes."""
        return BitMap.union(NOTHING, *(self.words[name].get(word) for name in attributes))

    def places(self, number: int) -> Places:
        stored = self.stored[number]
        if stored.places is None:
            stored.places = self._read_places(stored.values)
        return stored.places

    def document(self, external: str) -> dict[str, Any] | None:
        number = self.numbers.get(external)
        return None if number is None else self.stored[number].values

    def field_distribution(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for stored in self.stored.values():
            for name in stored.values:
                counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))

    # What changes a draft

    def put(self, external: str, values: dict[str, Any]) -> None:
        """Add a document, or replace the one with its id."""
        self._forget()
        number = self.numbers.get(external)
        if number is None:
            number = heapq.heappop(self.free) if self.free else len(self.numbers)
            self.numbers[external] = number
        else:
            self._derive(number, self.stored[number].values, adding=False)
        for name in values:
            self.fields.setdefault(name, len(self.fields))
        ordered = dict(sorted(values.items(), key=lambda item: self.fields[item[0]]))
        self.stored[number] = Stored(ordered)
        self._derive(number, ordered, adding=True)

    def remove(self, external: str) -> bool:
        self._forget()
        number = self.numbers.pop(external, None)
        if number is None:
            return False
        self._derive(number, self.stored.pop(number).values, adding=False)
        heapq.heappush(self.free, number)
        return True

    def clear(self) -> int:
        self._forget()
        count = len(self.stored)
        self.numbers, self.stored, self.free = {}, {}, []
        self.words, self.facets = {}, {}
        return count

    def change_settings(self, patch: Mapping[str, Any]) -> None:
        self._forget()
        old = self.settings
        self.settings = setting.merged(old, patch)
        if any(old[name] != self.settings[name] for name in setting.REINDEXING):
            self.words, self.facets = {}, {}
            for number, stored in list(self.stored.items()):
                self.stored[number] = Stored(stored.values)
                self._derive(number, stored.values, adding=True)

    def _forget(self) -> None:
        for name in ("tokenizer", "everything", "vocabulary", "by_first"):
            self.__dict__.pop(name, None)

    def _derive(self, number: int, values: dict[str, Any], adding: bool) -> None:
        found: dict[str, set[str]] = {}
        for attribute, value in leaves(values):
            if self.weight(attribute) is not None:
                words = found.setdefault(attribute, set())
                for leaf in flat_values(value):
                    words |= self.tokenizer.kept_words(as_text(leaf))
            if setting.features_of(self.settings, attribute) is not None:
                facet = self.facets.setdefault(attribute, Facet())
                facet.change(number, flat_values(value), adding)
        for attribute, words in found.items():
            sets = self.words.setdefault(attribute, Sets())
            for word in words:
                if len(word) <= LONGEST_WORD // 4 or len(word.encode()) <= LONGEST_WORD:
                    sets.change(word, number, adding)

    def _read_places(self, values: dict[str, Any]) -> Places:
        places: Places = {}
        for attribute, value in leaves(values):
            if self.weight(attribute) is None:
                continue
            found = places.setdefault(attribute, {})
            start = -GAP
            for leaf in flat_values(value):
                start += GAP
                for word, position in located(self.tokenizer.split(as_text(leaf)), start):
                    found.setdefault(word, []).append(position)
                    start = position
        return places


def as_text(value: Any) -> str:
    """Return the text in which a value is searched."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else ""


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
