"""Unseeded draws: each ordered selection is equally likely."""

import random
from collections import Counter
from itertools import combinations, permutations
from math import comb, perm

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap
from scipy.stats import chisquare

from app.draws.sampling import uniform_sample

# Sparse sets are sampled by rank, dense ones by testing random numbers for membership.
SETS = {"sparse": [3, 70, 901, 65_536, 70_001, 999_999], "dense": [1, 2, 4, 5, 6, 7]}
CHANCE = 1e-4


@pytest.mark.parametrize("members", SETS.values(), ids=SETS)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_every_subset_and_every_order_is_equally_likely(members: list[int], count: int) -> None:
    source = random.Random(f"{members}{count}").randbytes
    bitmap = BitMap(members)
    drawn = Counter(
        tuple(uniform_sample(bitmap, count, source)) for _ in range(40 * perm(len(members), count))
    )
    assert set(drawn) <= set(permutations(members, count))
    ordered = [drawn[choice] for choice in permutations(members, count)]
    assert chisquare(ordered).pvalue > CHANCE
    subsets = Counter(frozenset(choice) for choice in drawn.elements())
    assert len(subsets) == comb(len(members), count)
    if count < len(members):
        every = [subsets[frozenset(choice)] for choice in combinations(members, count)]
        assert chisquare(every).pvalue > CHANCE


@pytest.mark.parametrize("count", [1, 10, 40])
@pytest.mark.parametrize("gap", [1, 5, 40])
def test_every_member_is_equally_likely_at_every_index(count: int, gap: int) -> None:
    members = list(range(7, 7 + 90 * gap, gap))
    bitmap = BitMap(members)
    source = random.Random(f"{count}{gap}").randbytes
    draws = [uniform_sample(bitmap, count, source) for _ in range(2000)]
    for index in (0, count // 2, count - 1):
        seen = Counter(draw[index] for draw in draws)
        assert chisquare([seen[member] for member in members]).pvalue > CHANCE


@given(st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 300)), st.integers(0, 120), st.randoms())
def test_the_members_drawn_are_distinct(
    members: set[int], count: int, randomness: random.Random
) -> None:
    drawn = uniform_sample(BitMap(members), count, randomness.randbytes)
    assert len(drawn) == len(set(drawn)) == min(count, len(members))
    assert set(drawn) <= members


def test_random_words_that_would_favour_small_ranks_are_rejected() -> None:
    # 2^64 mod 3 = 1, so the largest word has to be rejected for a choice among three.
    words = [b"\xff" * 8, (1).to_bytes(8, "little")]
    assert uniform_sample(BitMap([10, 1000, 100_000]), 1, lambda _: words.pop(0)) == [1000]
