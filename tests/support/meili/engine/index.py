"""One index: its documents, its settings, and the posting lists derived from them."""

import bisect
import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyroaring import BitMap

from tests.support.meili.engine import index_settings
from tests.support.meili.engine.postings import (
    NO_DOCUMENTS,
    Facet,
    PostingLists,
    flat_values,
    leaves,
)
from tests.support.meili.engine.tokens import Token, Tokenizer
from tests.support.meili.times import now_ns

# The distance between words of two sentences, or of two values of one attribute.
SENTENCE_GAP = 8
MAX_WORD_BYTES = 250
Positions = dict[str, dict[str, list[int]]]


@dataclass(slots=True)
class StoredDocument:
    """A document; `positions` of its words by attribute are computed on first use."""

    values: dict[str, Any]
    positions: Positions | None = None


def word_positions(tokens: Iterable[Token], start: int) -> list[tuple[str, int]]:
    """Return the words of a text with their positions, counted from `start`."""
    found: list[tuple[str, int]] = []
    position, hard = start, False
    for token in tokens:
        if not token.word:
            hard = hard or token.hard
        elif len(token.word.encode()) <= MAX_WORD_BYTES:
            if found:
                position += SENTENCE_GAP if hard else 1
            if not token.stop:
                found.append((token.word, position))
            hard = False
    return found


@dataclass
class Index:
    """Documents with internal numbers; a draft is changed and then replaces the original.

    `numbers` maps document ids to internal numbers, and `free_numbers` is a heap of unused ones.
    `words` and `facets` are by attribute. `fields` gives the order in which fields were first seen.
    """

    primary_key: str | None
    settings: dict[str, Any] = field(
        default_factory=lambda: index_settings.merge_settings(index_settings.DEFAULTS, {})
    )
    created_at: int = field(default_factory=now_ns)
    updated_at: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    stored: dict[int, StoredDocument] = field(default_factory=dict)
    free_numbers: list[int] = field(default_factory=list)
    words: dict[str, PostingLists] = field(default_factory=dict)
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
            free_numbers=list(self.free_numbers),
            words={name: postings.draft() for name, postings in self.words.items()},
            facets={name: facet.draft() for name, facet in self.facets.items()},
            fields=dict(self.fields),
        )

    # Reading

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return index_settings.tokenizer_of(self.settings)

    @cached_property
    def all_documents(self) -> BitMap:
        return BitMap(self.stored)

    @cached_property
    def vocabulary(self) -> list[str]:
        """Every word, sorted."""
        return sorted(set().union(*(postings.lists for postings in self.words.values())))

    @cached_property
    def typo_words(self) -> dict[str, list[str]]:
        """The words that misspelt words may match, by first letter."""
        tolerance = self.settings["typoTolerance"]
        exact = tolerance["disableOnAttributes"]
        word_sets = [
            postings.lists
            for name, postings in self.words.items()
            if not any(index_settings.pattern_covers(pattern, name) for pattern in exact)
        ]
        found: dict[str, list[str]] = {}
        for word in sorted(set().union(*word_sets)):
            if not (tolerance["disableOnNumbers"] and is_number(word)):
                found.setdefault(word[0], []).append(word)
        return found

    def with_prefix(self, prefix: str) -> list[str]:
        start = bisect.bisect_left(self.vocabulary, prefix)
        end = bisect.bisect_left(self.vocabulary, prefix + "\U0010ffff")
        return self.vocabulary[start:end]

    def weight(self, attribute: str) -> int | None:
        """Return the position of an attribute among the searchable ones, None if it is not one."""
        searchable = self.settings["searchableAttributes"]
        if searchable == ["*"]:
            return 0
        ranks = (
            rank
            for rank, name in enumerate(searchable)
            if index_settings.pattern_covers(name, attribute)
        )
        return next(ranks, None)

    @property
    def max_weight(self) -> int:
        return max(len(self.settings["searchableAttributes"]) - 1, 0)

    def documents_with_word(self, word: str, attributes: Iterable[str]) -> BitMap:
        """Return the documents that contain a word in one of the attributes."""
        return BitMap.union(NO_DOCUMENTS, *(self.words[name].get(word) for name in attributes))

    def positions(self, number: int) -> Positions:
        stored = self.stored[number]
        if stored.positions is None:
            stored.positions = self._compute_positions(stored.values)
        return stored.positions

    def document(self, document_id: str) -> dict[str, Any] | None:
        number = self.numbers.get(document_id)
        return None if number is None else self.stored[number].values

    def field_distribution(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for stored in self.stored.values():
            for name in stored.values:
                counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))

    # Changing a draft

    def put(self, document_id: str, values: dict[str, Any]) -> None:
        """Add or replace a document."""
        self._clear_caches()
        number = self.numbers.get(document_id)
        if number is None:
            number = heapq.heappop(self.free_numbers) if self.free_numbers else len(self.numbers)
            self.numbers[document_id] = number
        else:
            self._change_postings(number, self.stored[number].values, adding=False)
        for name in values:
            self.fields.setdefault(name, len(self.fields))
        ordered = dict(sorted(values.items(), key=lambda item: self.fields[item[0]]))
        self.stored[number] = StoredDocument(ordered)
        self._change_postings(number, ordered, adding=True)

    def remove(self, document_id: str) -> bool:
        self._clear_caches()
        number = self.numbers.pop(document_id, None)
        if number is None:
            return False
        self._change_postings(number, self.stored.pop(number).values, adding=False)
        heapq.heappush(self.free_numbers, number)
        return True

    def clear(self) -> int:
        self._clear_caches()
        count = len(self.stored)
        self.numbers, self.stored, self.free_numbers = {}, {}, []
        self.words, self.facets = {}, {}
        return count

    def change_settings(self, patch: Mapping[str, Any]) -> None:
        self._clear_caches()
        old = self.settings
        self.settings = index_settings.merge_settings(old, patch)
        if any(old[name] != self.settings[name] for name in index_settings.REINDEXING_SETTINGS):
            self.words, self.facets = {}, {}
            for number, stored in list(self.stored.items()):
                self.stored[number] = StoredDocument(stored.values)
                self._change_postings(number, stored.values, adding=True)

    def _clear_caches(self) -> None:
        for name in ("tokenizer", "all_documents", "vocabulary", "typo_words"):
            self.__dict__.pop(name, None)

    def _change_postings(self, number: int, values: dict[str, Any], adding: bool) -> None:
        found: dict[str, set[str]] = {}
        for attribute, value in leaves(values):
            if self.weight(attribute) is not None:
                words = found.setdefault(attribute, set())
                for leaf in flat_values(value):
                    words |= self.tokenizer.indexed_words(as_text(leaf))
            if index_settings.features_of(self.settings, attribute) is not None:
                facet = self.facets.setdefault(attribute, Facet())
                facet.change(number, flat_values(value), adding)
        for attribute, words in found.items():
            postings = self.words.setdefault(attribute, PostingLists())
            for word in words:
                if len(word) <= MAX_WORD_BYTES // 4 or len(word.encode()) <= MAX_WORD_BYTES:
                    postings.change(word, number, adding)

    def _compute_positions(self, values: dict[str, Any]) -> Positions:
        positions: Positions = {}
        for attribute, value in leaves(values):
            if self.weight(attribute) is None:
                continue
            found = positions.setdefault(attribute, {})
            start = -SENTENCE_GAP
            for leaf in flat_values(value):
                start += SENTENCE_GAP
                for word, position in word_positions(self.tokenizer.split(as_text(leaf)), start):
                    found.setdefault(word, []).append(position)
                    start = position
        return positions


def as_text(value: Any) -> str:
    """Return the text of a value as it is indexed."""
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
