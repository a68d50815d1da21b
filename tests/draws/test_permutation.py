"""The seeded order: a bijection that is the same in every version and on every machine."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.draws.permutation import Permutation, bits_for, premix, undo_premix

WIDTHS = st.integers(16, 32)
SEEDS = st.text(min_size=1, max_size=64, alphabet=st.characters(codec="utf-8"))

# (seed, bits) -> the numbers at positions 0 to 5. These never change: clients store seeds.
GOLDEN = {
    ("a", 16): [56077, 48762, 7034, 60016, 6758, 28172],
    ("quizwell", 20): [632436, 857747, 684347, 866442, 894402, 500893],
    ("naïve ☃", 24): [1883564, 4324664, 8581584, 4016499, 2379182, 9867036],
    ("x" * 64, 32): [525335380, 3874923159, 2850861479, 3858206568, 2423219271, 2602207600],
}


def reference(number: int, seed: str, bits: int) -> int:
    """Return a position as docs/adr/0002 describes it, without numpy."""
    digest = hashlib.blake2b(f"quizwell-draw-3\0{bits}\0{seed}".encode()).digest()
    keys = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 24, 4)]
    size = 1 << bits
    word = folded(folded(number, bits) * 0x9E3779B1 % size, bits) + keys[0]
    for key in keys[2:5]:
        word = folded(word * (key | 1) % size, bits)
    return (word * (keys[5] | 1) + keys[1]) % size


def folded(word: int, bits: int) -> int:
    return word ^ (word >> ((bits + 1) // 2))


def positions_of(numbers: list[int], seed: str, bits: int) -> list[int]:
    words = premix(np.array(numbers, dtype=np.uint32), bits)
    positions: list[int] = Permutation(bits).forward(seed, words).tolist()
    return positions


def numbers_at(positions: list[int], seed: str, bits: int) -> list[int]:
    words = Permutation(bits).inverse(seed, np.array(positions, dtype=np.uint32))
    numbers: list[int] = undo_premix(words, bits).tolist()
    return numbers


@pytest.mark.parametrize(("seed", "bits"), GOLDEN)
def test_golden_vectors_never_change(seed: str, bits: int) -> None:
    assert numbers_at(list(range(6)), seed, bits) == GOLDEN[seed, bits]


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_gives_the_same_order(hash_seed: str) -> None:
    code = (
        "from tests.draws.test_permutation import numbers_at; "
        "print(numbers_at(list(range(6)), 'quizwell', 20))"
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
def test_it_equals_the_reference_implementation(seed: str, bits: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=20))
    expected = [reference(number, seed, bits) for number in numbers]
    assert positions_of(numbers, seed, bits) == expected


@pytest.mark.parametrize("bits", [16, 19])
def test_no_two_numbers_share_a_position(bits: int) -> None:
    order, seed = Permutation(bits), "bijection"
    numbers = np.arange(order.size, dtype=np.uint32)
    positions = order.forward(seed, premix(numbers, bits))
    assert np.array_equal(np.sort(positions), numbers)
    assert np.array_equal(undo_premix(order.inverse(seed, positions), bits), numbers)


@given(SEEDS, WIDTHS, st.data())
def test_inverse_inverts_forward(seed: str, bits: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=50))
    assert numbers_at(positions_of(numbers, seed, bits), seed, bits) == numbers
    assert positions_of(numbers_at(numbers, seed, bits), seed, bits) == numbers


@pytest.mark.parametrize("name", ["premix", "undo_premix", "forward", "inverse"])
def test_arguments_are_not_changed(name: str) -> None:
    words, order = np.arange(50, dtype=np.uint32), Permutation(16)
    functions = {"premix": lambda: premix(words, 16), "undo_premix": lambda: undo_premix(words, 16)}
    functions |= {"forward": lambda: order.forward("a", words)}
    functions |= {"inverse": lambda: order.inverse("a", words)}
    functions[name]()
    assert words.tolist() == list(range(50))


@given(st.integers(0, 2**32 - 1))
def test_the_width_covers_the_largest_number(largest: int) -> None:
    bits = bits_for(largest)
    assert largest < 2**bits
    assert bits == 16 or largest >= 2 ** (bits - 1)


def test_invalid_widths_are_refused() -> None:
    for bits in (15, 33):
        with pytest.raises(ValueError, match="between"):
            Permutation(bits)
    with pytest.raises(ValueError, match="between"):
        bits_for(2**32)
    with pytest.raises(ValueError, match="between"):
        bits_for(-1)
