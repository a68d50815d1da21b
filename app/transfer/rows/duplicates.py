"""Finds duplicate rows in a file, with twelve bytes of memory for each row."""

import hashlib
from array import array


class DuplicateFinder:
    """Keeps a 64-bit hash of the key and the line of each row."""

    def __init__(self) -> None:
        """Start without rows."""
        self.hashes = array("Q")
        self.lines = array("I")

    def add(self, key: bytes, line: int) -> None:
        """Add the key of the row that begins at `line`."""
        digest = hashlib.blake2b(key, digest_size=8).digest()
        self.hashes.append(int.from_bytes(digest, "little"))
        self.lines.append(line)

    def update(self, other: "DuplicateFinder") -> None:
        """Add the rows of another part of the file."""
        self.hashes.extend(other.hashes)
        self.lines.extend(other.lines)

    def find(self, limit: int) -> tuple[int, list[tuple[int, int]]]:
        """Return how many rows repeat an earlier row, and at most `limit` of them, by line.

        Each is (line, line of the earlier row).
        """
        import numpy as np  # noqa: PLC0415 - a worker process starts faster without it

        hashes = np.frombuffer(self.hashes, dtype=np.uint64)
        lines = np.frombuffer(self.lines, dtype=np.uint32)
        order = np.lexsort((lines, hashes))
        ordered = hashes[order]
        repeats = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
        pairs = sorted((int(lines[order[at]]), int(lines[order[at - 1]])) for at in repeats[:limit])
        return len(repeats), pairs
