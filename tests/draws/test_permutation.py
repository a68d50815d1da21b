"""The seeded order: a bijection, and the same for ever and everywhere."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.draws.permutation import Permutation, bits_for

MASK = 0xFFFFFFFF
WIDTHS = st.sampled_from(range(16, 33, 2))
SEEDS = st.text(min_size=1, max_size=64, alphabet=st.characters(codec="utf-8"))

# (seed, bits) -> the numbers at positions 0 to 5. These never change: seeds are in clients' hands.
GOLDEN = {
    ("a", 16): [2101, 31236, 16956, 45754, 35318, 30319],
    ("quizwell", 20): [327037, 774904, 61211, 838288, 167010, 429931],
    ("naïve ☃", 24): [2140788, 1111969, 8088174, 8841033, 11647900, 8048192],
    ("x" * 64, 32): [2149356101, 2934417251, 3229114789, 491248972, 4138170, 2114999487],
}


def reference(number: int, seed: str, bits: int) -> int:
    """The order as docs/adr/0002 describes it, word by word, without numpy."""
    digest = hashlib.sha256(f"quizwell-draw-1\0{bits}\0{seed}".encode()).digest()
    half = bits // 2
    left, right = number >> half, number & ((1 << half) - 1)
    for start in range(0, 32, 4):
        mixed = (right + int.from_bytes(digest[start : start + 4], "little")) & MASK
        mixed = (mixed * 0x7FEB352D) & MASK
        mixed ^= mixed >> 15
        mixed = (mixed * 0x846CA68B) & MASK
        left, right = right, left ^ (mixed >> (32 - half))
    return (left << half) | right


@pytest.mark.parametrize(("seed", "bits"), GOLDEN)
def test_golden_vectors_never_change(seed: str, bits: int) -> None:
    positions = np.arange(6, dtype=np.uint32)
    assert Permutation(seed, bits).inverse(positions).tolist() == GOLDEN[seed, bits]


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_gives_the_same_order(hash_seed: str) -> None:
    code = (
        "import numpy as np; from app.draws.permutation import Permutation; "
        "print(Permutation('quizwell', 20).inverse(np.arange(6, dtype=np.uint32)).tolist())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == str(GOLDEN["quizwell", 20])


@given(SEEDS, WIDTHS, st.data())
def test_it_is_what_the_adr_describes(seed: str, bits: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=20))
    order = Permutation(seed, bits)
    expected = [reference(number, seed, bits) for number in numbers]
    assert order.forward(np.array(numbers, dtype=np.uint32)).tolist() == expected


@pytest.mark.parametrize("bits", [16, 20])
def test_every_number_has_a_position_of_its_own(bits: int) -> None:
    order = Permutation("bijection", bits)
    numbers = np.arange(order.size, dtype=np.uint32)
    positions = order.forward(numbers)
    assert np.array_equal(np.sort(positions), numbers)
    assert np.array_equal(order.inverse(positions), numbers)


@given(SEEDS, WIDTHS, st.data())
def test_inverse_undoes_forward(seed: str, bits: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=50))
    words = np.array(numbers, dtype=np.uint32)
    order = Permutation(seed, bits)
    assert order.inverse(order.forward(words)).tolist() == numbers
    assert order.forward(order.inverse(words)).tolist() == numbers
    assert words.tolist() == numbers, "the caller's numbers are left alone"


@given(st.integers(0, 2**32 - 1))
def test_the_width_covers_the_largest_number(largest: int) -> None:
    bits = bits_for(largest)
    assert bits % 2 == 0
    assert largest < 2**bits
    assert bits == 16 or largest >= 2 ** (bits - 2)


def test_widths_that_cannot_be_are_refused() -> None:
    for bits in (14, 17, 34):
        with pytest.raises(ValueError, match="even"):
            Permutation("a", bits)
    with pytest.raises(ValueError, match="between"):
        bits_for(2**32)
    with pytest.raises(ValueError, match="between"):
        bits_for(-1)
