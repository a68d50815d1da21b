"""Finds a question's number by its id: a sorted table, and a dictionary for the latest."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LATEST = 4096
# The table is made anew once the dictionary holds this part of it, so its cost stays spread out.
PART = 16
HALF = 8

IdTable = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.uint32]


class Ids:
    """Numbers by id; `table` holds the sixteen bytes of each number's id, a row a number."""

    def __init__(self) -> None:
        """Know no id."""
        self._high: Words = np.empty(0, np.uint64)
        self._numbers: Numbers = np.empty(0, np.uint32)
        self._latest: dict[bytes, int] = {}
        self._look()

    def build(self, numbers: Numbers, table: IdTable) -> None:
        """Know the ids of `numbers` and no other."""
        high = table.view(">u8")[numbers, 0].astype(np.uint64)
        # Ids begin with their time, so they come almost sorted: that is what a merge sort likes.
        order = np.argsort(high, kind="stable")
        self._high, self._numbers = high[order], numbers[order]
        self._latest.clear()
        self._look()

    def add(self, question_id: bytes, number: int) -> None:
        """Know one more."""
        self._latest[question_id] = number

    @property
    def crowded(self) -> bool:
        """Whether the table should be built anew."""
        return len(self._latest) > max(LATEST, len(self._numbers) // PART)

    def find(self, question_id: bytes, table: IdTable) -> int | None:
        """Return the number of a question, None for an id that nobody published."""
        latest = self._latest.get(question_id)
        if latest is not None:
            return latest
        high = int.from_bytes(question_id[:HALF], "big")
        at = bisect_left(self._highs, high)
        while at < len(self._highs) and self._highs[at] == high:
            number = int(self._numbers[at])
            if table[number].tobytes() == question_id:
                return number
            at += 1
        return None

    def _look(self) -> None:
        # Python's own search over a view takes half of what numpy takes for a single number.
        self._highs: Sequence[int] = self._high.data
