"""The cache of matching questions is bounded by number and by size."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from app.catalog.index.filtering import MAX_BITMAP_BYTES, Matcher, bitmap_bytes
from app.catalog.index.index import Index
from app.core.db.edition_clock import Mark
from app.published.question_filter import QuestionFilter
from app.taxonomy.vocabulary import Vocabularies, Vocabulary

NUMBERS = st.sets(st.integers(0, 300_000), max_size=50)
RANGES = st.builds(
    lambda first, step, count: set(range(first, first + step * count, step)),
    st.integers(0, 70_000),
    st.integers(1, 30),
    st.integers(0, 20_000),
)


@given(NUMBERS | RANGES)
def test_a_bitmap_is_not_larger_than_its_bound(numbers: set[int]) -> None:
    statistics = BitMap(numbers).get_statistics()
    size = statistics["n_bytes_array_containers"] + statistics["n_bytes_bitset_containers"]
    assert size <= bitmap_bytes(BitMap(numbers))


def test_large_bitmaps_evict_each_other() -> None:
    index, mark = Index(), Mark("0" * 16, 1, 1)
    index.facets["bank"]["b"] = BitMap(range(1_000_000))
    matcher, banks = Matcher(index), frozenset({"b"})
    no_terms = Vocabularies(Vocabulary(), Vocabulary(), Vocabulary())
    size = bitmap_bytes(index.facets["bank"]["b"])
    filters = [
        replace(QuestionFilter(), exclude=(UUID(int=number),))
        for number in range(MAX_BITMAP_BYTES // size + 1)
    ]

    def members(question_filter: QuestionFilter) -> BitMap:
        return matcher.members(mark, no_terms, banks, question_filter)

    found = [members(each) for each in filters]
    assert members(filters[-1]) is found[-1]
    assert members(filters[1]) is found[1]
    assert members(filters[0]) is not found[0]
    assert members(filters[0]) == found[0]
