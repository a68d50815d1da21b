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

WIDTHS = st.integers(16, 32)
SEEDS = st.text(min_size=1, max_size=64, alphabet=st.characters(codec="utf-8"))

# (seed, bits) -> the numbers at positions 0 to 5. These never change: seeds are in clients' hands.
GOLDEN = {
    ("a", 16): [14676, 32364, 56579, 52407, 32695, 32455],
    ("quizwell", 20): [725372, 613077, 915005, 579809, 733207, 1007227],
    ("naïve ☃", 24): [9791799, 3147613, 15998561, 14140120, 970259, 11615880],
    ("x" * 64, 32): [2413487846, 1266622399, 2841116404, 3056172617, 2940322084, 2864610286],
}


def reference(number: int, seed: str, bits: int) -> int:
    """The order as docs/adr/0002 describes it, word by word, without numpy."""
    digest = hashlib.sha512(f"quizwell-draw-2\0{bits}\0{seed}".encode()).digest()
    word = number
    for start in range(0, 40, 8):
        term = int.from_bytes(digest[start : start + 4], "little")
        factor = int.from_bytes(digest[start + 4 : start + 8], "little") | 1
        word = (word + term) * factor % 2**bits
        word ^= word >> ((bits + 1) // 2)
    return word


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


@pytest.mark.parametrize("bits", [16, 19])
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
    assert largest < 2**bits
    assert bits == 16 or largest >= 2 ** (bits - 1)


def test_widths_that_cannot_be_are_refused() -> None:
    for bits in (15, 33):
        with pytest.raises(ValueError, match="between"):
            Permutation("a", bits)
    with pytest.raises(ValueError, match="between"):
        bits_for(2**32)
    with pytest.raises(ValueError, match="between"):
        bits_for(-1)
