"""Evaluates filters: finds the live questions that match one."""

from collections.abc import Iterable, Mapping

from pyroaring import BitMap

from app.catalog.index.index import Index
from app.catalog.index.memo import Memo
from app.core.db.edition_clock import Mark
from app.published.facets import FACETS, Facet, FacetChoice
from app.published.question_filter import QuestionFilter
from app.taxonomy.vocabulary import Vocabularies

MAX_CACHED_FILTERS = 1024
# A filter that excludes what one client has seen has a bitmap as large as that of the whole bank,
# so the number of cached filters alone does not bound the memory.
MAX_BITMAP_BYTES = 32 * 1024 * 1024
EMPTY = BitMap()


def bitmap_bytes(members: BitMap) -> int:
    """Return an upper bound of a bitmap's size: two bytes a number, 8 KiB for 65,536 numbers.

    See https://github.com/RoaringBitmap/RoaringFormatSpec.
    """
    if not members:
        return 0
    return min(2 * len(members), ((members.max() >> 16) + 1) << 13)


class Matcher:
    """Evaluates filters over one index, and caches the results of the current edition."""

    def __init__(self, index: Index) -> None:
        """Evaluate filters over `index`."""
        self._index = index
        self._members: Memo[tuple[frozenset[str], QuestionFilter], BitMap]
        self._members = Memo(MAX_CACHED_FILTERS, MAX_BITMAP_BYTES)
        self._categories: Memo[str, BitMap] = Memo(MAX_CACHED_FILTERS)

    def members(
        self,
        mark: Mark,
        vocabularies: Vocabularies,
        banks: frozenset[str],
        question_filter: QuestionFilter,
    ) -> BitMap:
        """Return the live questions of `banks` that match; callers must not change the bitmap."""
        key = (banks, question_filter)
        found = self._members.get(mark, key)
        if found is None:
            found = self._evaluate(mark, vocabularies, banks, question_filter)
            self._members.put(mark, key, found, bitmap_bytes(found))
        return found

    def category(self, mark: Mark, vocabularies: Vocabularies, slug: str) -> BitMap:
        """Return the live questions of a category and its descendants, likewise."""
        found = self._categories.get(mark, slug)
        if found is None:
            below = vocabularies.categories.subtree(slug)
            found = _union(self._index.facets["category"], below)
            self._categories.put(mark, slug, found)
        return found

    def _evaluate(
        self,
        mark: Mark,
        vocabularies: Vocabularies,
        banks: frozenset[str],
        question_filter: QuestionFilter,
    ) -> BitMap:
        facets = self._index.facets
        found = _union(facets["bank"], banks)
        for facet in FACETS:
            choice = question_filter.choice(facet)
            wanted, unwanted = self._bitmaps(mark, vocabularies, facet, choice)
            if wanted:
                found &= wanted[0] if len(wanted) == 1 else BitMap.union(*wanted)
            for bitmap in unwanted:
                found -= bitmap
        for tag in question_filter.tag_all:
            found &= facets["tag"].get(tag, EMPTY)
        for question_id in question_filter.exclude:
            entry = self._index.find(question_id.bytes)
            if entry is not None:
                found.discard(entry.number)
        if question_filter.updated_after is not None:
            found = self._index.updated_after(found, question_filter.updated_after)
        return found

    def _bitmaps(
        self, mark: Mark, vocabularies: Vocabularies, facet: Facet, choice: FacetChoice
    ) -> tuple[list[BitMap], list[BitMap]]:
        """Return the bitmaps of the included values, and those of the excluded values."""
        if facet.is_tree:
            return (
                [self.category(mark, vocabularies, slug) for slug in choice.any],
                [self.category(mark, vocabularies, slug) for slug in choice.none],
            )
        bitmaps = self._index.facets[facet.parameter]
        return (
            [bitmaps.get(value, EMPTY) for value in choice.any],
            [bitmaps.get(value, EMPTY) for value in choice.none],
        )


def _union(bitmaps: Mapping[str, BitMap], values: Iterable[str]) -> BitMap:
    """Return a new bitmap of all numbers that have one of the values."""
    return BitMap.union(BitMap(), *(bitmaps[value] for value in values if value in bitmaps))
