"""Finds a question's number by its id: in a sorted array, and a dictionary of recent ids."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MIN_RECENT = 4096
# The array is rebuilt when the dictionary has more than one id to this many in the array, so that
# the cost of rebuilding, spread over the ids that were added, stays constant.
SORTED_PER_RECENT = 16
# The array is sorted by the first half of the id only.
KEY_BYTES = 8

IdTable = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.uint32]


class IdLookup:
    """Numbers by id. The caller passes `table`, an array whose row N is the id of number N."""

    def __init__(self) -> None:
        """Start without ids."""
        self._keys: Keys = np.empty(0, np.uint64)
        self._numbers: Numbers = np.empty(0, np.uint32)
        self._recent: dict[bytes, int] = {}
        self._view_keys()

    def build(self, numbers: Numbers, table: IdTable) -> None:
        """Replace all ids by those of `numbers`."""
        keys = table.view(">u8")[numbers, 0].astype(np.uint64)
        # Ids begin with their time, so they are almost sorted, which suits the stable sort.
        order = np.argsort(keys, kind="stable")
        self._keys, self._numbers = keys[order], numbers[order]
        self._recent.clear()
        self._view_keys()

    def add(self, question_id: bytes, number: int) -> None:
        """Add one id."""
        self._recent[question_id] = number

    @property
    def needs_rebuild(self) -> bool:
        """Whether `build` should be called, because many ids were added."""
        return len(self._recent) > max(MIN_RECENT, len(self._numbers) // SORTED_PER_RECENT)

    def find(self, question_id: bytes, table: IdTable) -> int | None:
        """Return the number of a question, None for an id that was never published."""
        recent = self._recent.get(question_id)
        if recent is not None:
            return recent
        key = int.from_bytes(question_id[:KEY_BYTES], "big")
        at = bisect_left(self._key_view, key)
        while at < len(self._key_view) and self._key_view[at] == key:
            number = int(self._numbers[at])
            if table[number].tobytes() == question_id:
                return number
            at += 1
        return None

    def _view_keys(self) -> None:
        # For a single key, `bisect` over a memoryview is quicker than numpy's searchsorted.
        self._key_view: Sequence[int] = self._keys.data
