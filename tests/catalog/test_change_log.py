"""The change log and the id lookup return what plain models return."""

import random

import numpy as np
import pytest
from pyroaring import BitMap

from app.catalog.index.change_log import ChangeLog
from app.catalog.index.id_lookup import MIN_RECENT, IdLookup

QUESTIONS = 20_000


def _filled(seed: int) -> tuple[ChangeLog, np.ndarray, random.Random]:
    """Return a log of questions that were loaded by number and then changed in batches."""
    chance = random.Random(seed)
    log = ChangeLog()
    current = np.zeros(QUESTIONS + 1, np.int64)
    seqs = chance.sample(range(1, 3 * QUESTIONS), QUESTIONS)
    current[1:] = seqs
    log.append(current[1:], np.arange(1, QUESTIONS + 1, dtype=np.uint32))
    log.sort(current)
    seq = 3 * QUESTIONS
    for _ in range(chance.choice([5, 400])):
        numbers = np.array(chance.sample(range(1, QUESTIONS + 1), 100), np.uint32)
        fresh = np.arange(seq, seq + 100, dtype=np.int64)
        current[numbers] = fresh
        log.append(fresh, numbers)
        log.compact(current, QUESTIONS)
        seq += 100
    return log, current, chance


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [0, 3, 700, 15_000, QUESTIONS])
def test_first_and_last_changed_are_those_of_the_model(seed: int, size: int) -> None:
    log, current, chance = _filled(seed)
    chosen = sorted(chance.sample(range(1, QUESTIONS + 1), size))
    members = BitMap(chosen)
    order = sorted(chosen, key=lambda number: int(current[number]))
    highest = int(current.max())
    for _ in range(10):
        low, high = sorted(chance.choices(range(highest + 2), k=2))
        limit = chance.choice([1, 20, 1001])
        inside = [number for number in order if low < current[number] <= high]
        assert (
            log.first_changed(current, members, after=low, last=high, limit=limit) == inside[:limit]
        )
        before = [number for number in reversed(order) if current[number] < high]
        assert log.last_changed(current, members, before=high, limit=limit) == before[:limit]


def test_ids_are_found_before_and_after_the_array_is_rebuilt() -> None:
    chance = random.Random(1)
    table = np.zeros((2 * MIN_RECENT + 3, 16), np.uint8)
    ids = IdLookup()
    given = {}
    for number in range(1, 2 * MIN_RECENT + 2):
        # Only three different first halves, by which the lookup sorts.
        question_id = bytes(7) + bytes([number % 3]) + chance.randbytes(8)
        table[number] = np.frombuffer(question_id, np.uint8)
        given[number] = question_id
        ids.add(question_id, number)
        if ids.needs_rebuild:
            ids.build(np.arange(1, number + 1, dtype=np.uint32), table)
    for number in chance.sample(sorted(given), 300):
        assert ids.find(given[number], table) == number
    assert ids.find(bytes(16), table) is None
    assert ids.find(b"\xff" * 16, table) is None
