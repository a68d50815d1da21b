"""Finds rows of one file that mean the same question, in twelve bytes a row."""

import hashlib
from array import array


class Duplicates:
    """Remembers a hash of 64 bits and a line for each row, whoever read it."""

    def __init__(self) -> None:
        self.hashes = array("Q")
        self.lines = array("I")

    def add(self, key: bytes, line: int) -> None:
        """Take the key of the row that begins at `line`."""
        digest = hashlib.blake2b(key, digest_size=8).digest()
        self.hashes.append(int.from_bytes(digest, "little"))
        self.lines.append(line)

    def update(self, other: "Duplicates") -> None:
        """Take the rows of another part of the file."""
        self.hashes.extend(other.hashes)
        self.lines.extend(other.lines)

    def found(self, limit: int) -> tuple[int, list[tuple[int, int]]]:
        """Return how many rows repeat an earlier one, and some of them.

        They are (line, line of the earlier one), at most `limit`, by line.
        """
        import numpy as np  # noqa: PLC0415 - a helper process starts sooner without it

        hashes = np.frombuffer(self.hashes, dtype=np.uint64)
        lines = np.frombuffer(self.lines, dtype=np.uint32)
        order = np.lexsort((lines, hashes))
        ordered = hashes[order]
        repeats = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
        pairs = sorted(
            (int(lines[order[place]]), int(lines[order[place - 1]])) for place in repeats[:limit]
        )
        return len(repeats), pairs
