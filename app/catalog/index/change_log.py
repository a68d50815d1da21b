"""Which question changed when: numbers in the order of `seq`."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

ROOM = 1024
BLOCK = 4096
# Looking up one entry of the log costs about as much as sorting this many members (measured).
SORTED_A_LOOKUP = 3

Seqs = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]


class SeqLog:
    """Every (seq, number) in order; an entry counts while the question has not changed again.

    `current` is the seq of each number now, by number.
    """

    def __init__(self) -> None:
        """Start with an empty log."""
        self._seqs: Seqs = np.empty(0, np.int64)
        self._numbers: Numbers = np.empty(0, np.uint32)
        self._count = 0

    def append(self, seqs: Seqs, numbers: Numbers) -> None:
        """Take entries that come after all others."""
        stop = self._count + len(seqs)
        if stop > len(self._seqs):
            room = max(ROOM, 2 * stop)
            self._seqs = np.concatenate([self._seqs[: self._count], np.empty(room, np.int64)])
            self._numbers = np.concatenate(
                [self._numbers[: self._count], np.empty(room, np.uint32)]
            )
        self._seqs[self._count : stop] = seqs
        self._numbers[self._count : stop] = numbers
        self._count = stop

    def settle(self, current: Seqs) -> None:
        """Bring entries that were appended in another order into that of `seq`."""
        seqs, numbers = self._seqs[: self._count], self._numbers[: self._count]
        order = np.argsort(seqs, kind="stable")
        self._replace(seqs[order], numbers[order], current)

    def tidy(self, current: Seqs, size: int) -> None:
        """Drop entries that count no more, once they are most of the log."""
        if self._count > 2 * size + ROOM:
            seqs, numbers = self._seqs[: self._count], self._numbers[: self._count]
            self._replace(seqs, numbers, current)

    def _replace(self, seqs: Seqs, numbers: Numbers, current: Seqs) -> None:
        kept = current[numbers] == seqs
        self._seqs, self._numbers = seqs[kept], numbers[kept]
        self._count = len(self._seqs)

    def first(
        self, current: Seqs, members: BitMap, *, after: int, last: int, limit: int
    ) -> list[int]:
        """Return the first members with after < seq <= last, in the order of seq."""
        start, stop = self._places(after, last)
        if self._is_sparse(members, stop - start, limit):
            return list(_sorted(current, members, after, last)[:limit].tolist())
        found: list[int] = []
        for low in range(start, stop, BLOCK):
            found += self._among(members, low, min(low + BLOCK, stop), current)
            if len(found) >= limit:
                break
        return found[:limit]

    def latest(self, current: Seqs, members: BitMap, *, before: int, limit: int) -> list[int]:
        """Return the last members with seq < before, the latest first."""
        start, stop = self._places(0, before - 1)
        if self._is_sparse(members, stop - start, limit):
            return list(_sorted(current, members, 0, before - 1)[::-1][:limit].tolist())
        found: list[int] = []
        for high in range(stop, start, -BLOCK):
            found += reversed(list(self._among(members, max(high - BLOCK, start), high, current)))
            if len(found) >= limit:
                break
        return found[:limit]

    def _places(self, after: int, last: int) -> tuple[int, int]:
        seqs = self._seqs[: self._count]
        return int(seqs.searchsorted(after, "right")), int(seqs.searchsorted(last, "right"))

    def _is_sparse(self, members: BitMap, span: int, limit: int) -> bool:
        size = len(members)
        looked_up = min(span, limit * self._count // size + BLOCK) if size else span + 1
        return size < SORTED_A_LOOKUP * looked_up

    def _among(self, members: BitMap, low: int, high: int, current: Seqs) -> Iterator[int]:
        numbers = self._numbers[low:high]
        counting = numbers[current[numbers] == self._seqs[low:high]]
        return (number for number in counting.tolist() if number in members)


def _sorted(current: Seqs, members: BitMap, after: int, last: int) -> Numbers:
    """Return the members with after < seq <= last in the order of seq."""
    numbers: Numbers = np.frombuffer(members.to_array(), dtype=np.uint32)
    seqs = current[numbers]
    inside = (seqs > after) & (seqs <= last)
    numbers, seqs = numbers[inside], seqs[inside]
    return numbers[np.argsort(seqs)]
