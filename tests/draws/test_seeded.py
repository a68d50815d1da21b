"""Seeded draws: fair over seeds, equal by both methods, complete over all pages."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pyroaring import BitMap
from scipy.stats import chisquare

from app.draws.permutation import Permutation, premix
from app.draws.seeded import (
    SeededPage,
    SeededRequest,
    draw_page,
    map_members,
    premixed_members,
    walk_positions,
)
from tests.support.hypothesis_profiles import scaled

MEMBERS = [1, 2, 300, 4096, 65_535]
CHANCE = 1e-4

NUMBERS = st.integers(0, 2**16 + 50) | st.integers(0, 40)
SEEDS = st.text(min_size=1, max_size=8, alphabet="abc1")


def _by_each_method(members: BitMap, request: SeededRequest) -> list[SeededPage]:
    """Draw by walking, by mapping, and by the cheaper of the two."""
    bits = request.order.bits
    covered = members.rank(request.order.size - 1)
    return [
        walk_positions(members, covered, request),
        map_members(members, premixed_members(members, bits), request),
        draw_page(members, request),
        draw_page(members, request, lambda: premixed_members(members, bits)),
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_over_all_seeds_every_choice_and_order_is_equally_likely(count: int) -> None:
    choices = list(permutations(MEMBERS, count))
    bitmap, order = BitMap(MEMBERS), Permutation(16)
    drawn = Counter(
        tuple(draw_page(bitmap, SeededRequest(order, f"seed {number}", count)).numbers)
        for number in range(50 * len(choices))
    )
    assert set(drawn) <= set(choices)
    assert chisquare([drawn[choice] for choice in choices]).pvalue > CHANCE


def test_over_all_seeds_every_member_is_equally_likely_at_every_index() -> None:
    bitmap, order = BitMap(range(1, 101)), Permutation(16)
    draws = [draw_page(bitmap, SeededRequest(order, str(seed), 20)).numbers for seed in range(3000)]
    for index in range(20):
        seen = Counter(numbers[index] for numbers in draws)
        assert chisquare([seen[member] for member in bitmap]).pvalue > CHANCE


@given(st.sets(NUMBERS, max_size=300), st.integers(1, 100), SEEDS, st.integers(-1, 2**16 - 1))
def test_both_methods_give_the_order_of_positions(
    members: set[int], count: int, seed: str, after: int
) -> None:
    bitmap, order = BitMap(members), Permutation(16)
    covered = sorted(number for number in members if number < order.size)
    positions = order.forward(seed, premix(np.array(covered, dtype=np.uint32), 16)).tolist()
    following = sorted(pair for pair in zip(positions, covered, strict=True) if pair[0] > after)
    page = following[:count]
    expected = (
        [number for _, number in page],
        page[-1][0] if page else after,
        len(following) > count,
    )
    request = SeededRequest(order, seed, count, after)
    for found in _by_each_method(bitmap, request):
        assert found == expected


@given(st.floats(0.02, 1), st.integers(1, 100), SEEDS, st.sampled_from([-1, 0, 40_000, 65_500]))
def test_both_methods_agree_on_large_sets(
    density: float, count: int, seed: str, after: int
) -> None:
    rng = np.random.default_rng(count)
    members = BitMap(np.flatnonzero(rng.random(2**16) < density).astype(np.uint32))
    request = SeededRequest(Permutation(16), seed, count, after)
    walked, *others = _by_each_method(members, request)
    assert all(found == walked for found in others)


class CursorMachine(RuleBasedStateMachine):
    """Draws a set page by page while questions are published and withdrawn."""

    @initialize(
        members=st.sets(st.integers(1, 500), min_size=1),
        seed=SEEDS,
        bits=st.sampled_from([16, 18, 20]),
    )
    def begin(self, members: set[int], seed: str, bits: int) -> None:
        self.seed, self.order = seed, Permutation(bits)
        self.members = BitMap(members)
        self.unchanged = set(members)
        self.seen: list[int] = []
        self.position, self.more = -1, True

    @precondition(lambda self: self.more)
    @rule(count=st.integers(1, 40))
    def draw_next_page(self, count: int) -> None:
        page = draw_page(self.members, SeededRequest(self.order, self.seed, count, self.position))
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
        self.unchanged -= numbers

    @invariant()
    def no_member_is_drawn_twice(self) -> None:
        assert len(self.seen) == len(set(self.seen))

    def teardown(self) -> None:
        if hasattr(self, "seed"):
            while self.more:
                self.draw_next_page(7)
            self.no_member_is_drawn_twice()
            assert self.unchanged <= set(self.seen), (
                "every member that was never withdrawn is drawn"
            )


TestCursor = CursorMachine.TestCase
TestCursor.settings = scaled(0.5)


def test_an_empty_set_gives_an_empty_page() -> None:
    request = SeededRequest(Permutation(16), "a", 3)
    for found in _by_each_method(BitMap(), request):
        assert found == ([], -1, False)
