"""The log of changes: question numbers in the order of `seq`."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

SPARE_ENTRIES = 1024
BLOCK_ENTRIES = 4096
# How many members can be sorted in the time that it takes to check one entry of the log.
SORTED_PER_CHECK = 3

Seqs = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]


class ChangeLog:
    """Every change as a pair (seq, number), in the order of `seq`.

    An entry is current while its question has not changed again. The caller passes `current`, an
    array that has the latest seq of each number.
    """

    def __init__(self) -> None:
        """Start with an empty log."""
        self._seqs: Seqs = np.empty(0, np.int64)
        self._numbers: Numbers = np.empty(0, np.uint32)
        self._count = 0

    def append(self, seqs: Seqs, numbers: Numbers) -> None:
        """Append entries; each seq is larger than all before it, or `sort` is called afterwards."""
        stop = self._count + len(seqs)
        if stop > len(self._seqs):
            spare = max(SPARE_ENTRIES, 2 * stop)
            self._seqs = np.concatenate([self._seqs[: self._count], np.empty(spare, np.int64)])
            self._numbers = np.concatenate(
                [self._numbers[: self._count], np.empty(spare, np.uint32)]
            )
        self._seqs[self._count : stop] = seqs
        self._numbers[self._count : stop] = numbers
        self._count = stop

    def sort(self, current: Seqs) -> None:
        """Sort the entries by seq and drop those that are not current."""
        seqs, numbers = self._seqs[: self._count], self._numbers[: self._count]
        order = np.argsort(seqs, kind="stable")
        self._replace(seqs[order], numbers[order], current)

    def compact(self, current: Seqs, questions: int) -> None:
        """Drop the entries that are not current, once they are more than half of the log."""
        if self._count > 2 * questions + SPARE_ENTRIES:
            seqs, numbers = self._seqs[: self._count], self._numbers[: self._count]
            self._replace(seqs, numbers, current)

    def _replace(self, seqs: Seqs, numbers: Numbers, current: Seqs) -> None:
        is_current = current[numbers] == seqs
        self._seqs, self._numbers = seqs[is_current], numbers[is_current]
        self._count = len(self._seqs)

    def first_changed(
        self, current: Seqs, members: BitMap, *, after: int, last: int, limit: int
    ) -> list[int]:
        """Return the first members with after < seq <= last, in the order of seq."""
        start, stop = self._range(after, last)
        if self._is_sparse(members, stop - start, limit):
            return list(_sorted_members(current, members, after, last)[:limit].tolist())
        found: list[int] = []
        for low in range(start, stop, BLOCK_ENTRIES):
            found += self._members_between(members, low, min(low + BLOCK_ENTRIES, stop), current)
            if len(found) >= limit:
                break
        return found[:limit]

    def last_changed(self, current: Seqs, members: BitMap, *, before: int, limit: int) -> list[int]:
        """Return the last members with seq < before, in reverse order of seq."""
        start, stop = self._range(0, before - 1)
        if self._is_sparse(members, stop - start, limit):
            ordered = _sorted_members(current, members, 0, before - 1)
            return list(ordered[::-1][:limit].tolist())
        found: list[int] = []
        for high in range(stop, start, -BLOCK_ENTRIES):
            low = max(high - BLOCK_ENTRIES, start)
            found += reversed(list(self._members_between(members, low, high, current)))
            if len(found) >= limit:
                break
        return found[:limit]

    def _range(self, after: int, last: int) -> tuple[int, int]:
        """Return the positions of the entries with after < seq <= last, as for `range`."""
        seqs = self._seqs[: self._count]
        return int(seqs.searchsorted(after, "right")), int(seqs.searchsorted(last, "right"))

    def _is_sparse(self, members: BitMap, span: int, limit: int) -> bool:
        """Return whether sorting all members costs less than walking through the log.

        `checked` is how many entries the walk would check until it has `limit` members, if members
        are spread evenly over the log.
        """
        size = len(members)
        checked = min(span, limit * self._count // size + BLOCK_ENTRIES) if size else span + 1
        return size < SORTED_PER_CHECK * checked

    def _members_between(
        self, members: BitMap, low: int, high: int, current: Seqs
    ) -> Iterator[int]:
        numbers = self._numbers[low:high]
        is_current = current[numbers] == self._seqs[low:high]
        return (number for number in numbers[is_current].tolist() if number in members)


def _sorted_members(current: Seqs, members: BitMap, after: int, last: int) -> Numbers:
    """Return the members with after < seq <= last in the order of seq."""
    numbers: Numbers = np.frombuffer(members.to_array(), dtype=np.uint32)
    seqs = current[numbers]
    inside = (seqs > after) & (seqs <= last)
    numbers, seqs = numbers[inside], seqs[inside]
    return numbers[np.argsort(seqs)]
