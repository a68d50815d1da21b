"""Turns the filter into a bitmap of the live questions that match it."""

from collections.abc import Iterable, Mapping

from pyroaring import BitMap

from app.catalog.index.index import Index
from app.catalog.index.memo import Memo
from app.core.db.edition_clock import Mark
from app.published.question_filter import CHOICES, QuestionFilter
from app.taxonomy.vocabulary import Vocabularies

KEPT = 1024
# Whoever leaves out what he has seen has a filter of his own, with a bitmap as large as the bank's.
BITMAPS_BYTES = 32 * 1024 * 1024
EMPTY = BitMap()


def bitmap_bytes(members: BitMap) -> int:
    """Return how many bytes a bitmap takes at most: two a number, 8 KiB for each 65,536 numbers.

    See https://github.com/RoaringBitmap/RoaringFormatSpec.
    """
    if not members:
        return 0
    return min(2 * len(members), ((members.max() >> 16) + 1) << 13)


class Matcher:
    """Evaluates filters over one index; what it found is kept until the edition moves."""

    def __init__(self, index: Index) -> None:
        """Look into `index`."""
        self._index = index
        self._found: Memo[tuple[frozenset[str], QuestionFilter], BitMap]
        self._found = Memo(KEPT, BITMAPS_BYTES)
        self._expanded: Memo[str, BitMap] = Memo(KEPT)

    def members(
        self,
        mark: Mark,
        vocabularies: Vocabularies,
        banks: frozenset[str],
        question_filter: QuestionFilter,
    ) -> BitMap:
        """Return the live questions of `banks` that match, for nobody to change."""
        key = (banks, question_filter)
        found = self._found.get(mark, key)
        if found is None:
            found = self._evaluate(mark, vocabularies, banks, question_filter)
            self._found.put(mark, key, found, bitmap_bytes(found))
        return found

    def category(self, mark: Mark, vocabularies: Vocabularies, slug: str) -> BitMap:
        """Return the live questions of a category and of everything below it."""
        found = self._expanded.get(mark, slug)
        if found is None:
            below = vocabularies.categories.subtree(slug)
            found = _union(self._index.facets["category"], below)
            self._expanded.put(mark, slug, found)
        return found

    def _evaluate(
        self,
        mark: Mark,
        vocabularies: Vocabularies,
        banks: frozenset[str],
        asked: QuestionFilter,
    ) -> BitMap:
        facets = self._index.facets
        found = _union(facets["bank"], banks)
        for name in CHOICES:
            choice = getattr(asked, name)
            if name == "category":
                wanted = [self.category(mark, vocabularies, slug) for slug in choice.any]
                unwanted = [self.category(mark, vocabularies, slug) for slug in choice.none]
            else:
                wanted = [facets[name].get(value, EMPTY) for value in choice.any]
                unwanted = [facets[name].get(value, EMPTY) for value in choice.none]
            if wanted:
                found &= wanted[0] if len(wanted) == 1 else BitMap.union(*wanted)
            for bitmap in unwanted:
                found -= bitmap
        for tag in asked.tag_all:
            found &= facets["tag"].get(tag, EMPTY)
        for question_id in asked.exclude:
            entry = self._index.find(question_id.bytes)
            if entry is not None:
                found.discard(entry.number)
        if asked.updated_after is not None:
            found = self._index.updated_after(found, asked.updated_after)
        return found


def _union(bitmaps: Mapping[str, BitMap], values: Iterable[str]) -> BitMap:
    """Return a new bitmap of everything that has one of the values."""
    return BitMap.union(BitMap(), *(bitmaps[value] for value in values if value in bitmaps))
