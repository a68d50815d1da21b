"""Seeded draws: fair over seeds, the same whichever way they are found, complete page by page."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pyroaring import BitMap
from scipy.stats import chisquare

from app.draws.permutation import Permutation, mixed
from app.draws.seeded import Asked, Stretch, draw, map_all, mapped, walk
from tests.support.hypothesis_profiles import scaled

MEMBERS = [1, 2, 300, 4096, 65_535]
CHANCE = 1e-4

NUMBERS = st.integers(0, 2**16 + 50) | st.integers(0, 40)
SEEDS = st.text(min_size=1, max_size=8, alphabet="abc1")


def _each_way(members: BitMap, asked: Asked) -> list[Stretch]:
    """Draw by walking, by mapping, and whichever costs less."""
    bits = asked.order.bits
    covered = members.rank(asked.order.size - 1)
    return [
        walk(members, covered, asked),
        map_all(members, mapped(members, bits), asked),
        draw(members, asked),
        draw(members, asked, lambda: mapped(members, bits)),
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_over_all_seeds_every_choice_and_order_is_equally_likely(count: int) -> None:
    choices = list(permutations(MEMBERS, count))
    bitmap, order = BitMap(MEMBERS), Permutation(16)
    drawn = Counter(
        tuple(draw(bitmap, Asked(order, f"seed {number}", count)).numbers)
        for number in range(50 * len(choices))
    )
    assert set(drawn) <= set(choices)
    assert chisquare([drawn[choice] for choice in choices]).pvalue > CHANCE


def test_over_all_seeds_every_member_is_equally_likely_at_every_place() -> None:
    bitmap, order = BitMap(range(1, 101)), Permutation(16)
    draws = [draw(bitmap, Asked(order, str(seed), 20)).numbers for seed in range(3000)]
    for place in range(20):
        seen = Counter(draw[place] for draw in draws)
        assert chisquare([seen[member] for member in bitmap]).pvalue > CHANCE


@given(st.sets(NUMBERS, max_size=300), st.integers(1, 100), SEEDS, st.integers(-1, 2**16 - 1))
def test_both_ways_give_what_the_rule_says(
    members: set[int], count: int, seed: str, after: int
) -> None:
    bitmap, order = BitMap(members), Permutation(16)
    covered = sorted(number for number in members if number < order.size)
    places = order.forward(seed, mixed(np.array(covered, dtype=np.uint32), 16)).tolist()
    behind = sorted(pair for pair in zip(places, covered, strict=True) if pair[0] > after)
    kept = behind[:count]
    expected = (
        [number for _, number in kept],
        kept[-1][0] if kept else after,
        len(behind) > count,
    )
    asked = Asked(order, seed, count, after)
    for found in _each_way(bitmap, asked):
        assert found == expected


@given(st.floats(0.02, 1), st.integers(1, 100), SEEDS, st.sampled_from([-1, 0, 40_000, 65_500]))
def test_both_ways_agree_on_large_sets(density: float, count: int, seed: str, after: int) -> None:
    rng = np.random.default_rng(count)
    members = BitMap(np.flatnonzero(rng.random(2**16) < density).astype(np.uint32))
    asked = Asked(Permutation(16), seed, count, after)
    walked, *others = _each_way(members, asked)
    assert all(found == walked for found in others)


class CursorMachine(RuleBasedStateMachine):
    """Goes through a set page by page while questions are published and withdrawn."""

    @initialize(
        members=st.sets(st.integers(1, 500), min_size=1),
        seed=SEEDS,
        bits=st.sampled_from([16, 18, 20]),
    )
    def begin(self, members: set[int], seed: str, bits: int) -> None:
        self.seed, self.order = seed, Permutation(bits)
        self.members = BitMap(members)
        self.faithful = set(members)
        self.seen: list[int] = []
        self.position, self.more = -1, True

    @precondition(lambda self: self.more)
    @rule(count=st.integers(1, 40))
    def turn_the_page(self, count: int) -> None:
        page = draw(self.members, Asked(self.order, self.seed, count, self.position))
        assert set(page.numbers) <= set(self.members)
        assert len(page.numbers) == count or not page.more
        self.seen += page.numbers
        self.position, self.more = page.position, page.more

    @rule(numbers=st.sets(st.integers(1, 60_000), max_size=30))
    def publish(self, numbers: set[int]) -> None:
        self.members |= BitMap(numbers)

    @rule(numbers=st.sets(st.integers(1, 500), max_size=10))
    def withdraw(self, numbers: set[int]) -> None:
        self.members -= BitMap(numbers)
        self.faithful -= numbers

    @invariant()
    def nothing_is_seen_twice(self) -> None:
        assert len(self.seen) == len(set(self.seen))

    def teardown(self) -> None:
        if hasattr(self, "seed"):
            while self.more:
                self.turn_the_page(7)
            self.nothing_is_seen_twice()
            assert self.faithful <= set(self.seen), "what was there all the time was visited"


TestCursor = CursorMachine.TestCase
TestCursor.settings = scaled(0.5)


def test_an_empty_set_ends_at_once() -> None:
    asked = Asked(Permutation(16), "a", 3)
    for found in _each_way(BitMap(), asked):
        assert found == ([], -1, False)
