"""Finds rows of one file that mean the same question, in twelve bytes a row."""

from array import array

import numpy as np


class Duplicates:
    """Remembers a hash and a line for each row; keyed hashes of 64 bits stand for the rows."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._lines = array("I")

    def add(self, key: str | bytes, line: int) -> None:
        """Take the key of the row that begins at `line`; lines come in ascending order."""
        self._hashes.append(hash(key))
        self._lines.append(line)

    def found(self, limit: int) -> tuple[int, list[tuple[int, int]]]:
        """Return how many rows repeat an earlier one, and the first of them.

        They are (line, line of the earlier one), at most `limit`, by line.
        """
        hashes = np.frombuffer(self._hashes, dtype=np.int64)
        lines = np.frombuffer(self._lines, dtype=np.uint32)
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        repeats = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
        pairs = sorted(
            (int(lines[order[place]]), int(lines[order[place - 1]])) for place in repeats[:limit]
        )
        return len(repeats), pairs
