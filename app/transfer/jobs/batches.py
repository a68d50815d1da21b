"""Splits the rows of a file into batches."""

from collections.abc import Callable, Iterator

from app.transfer.formats.rows import RawRow

MAX_BATCH_BYTES = 8_000_000

FIRST_BATCH_ROWS = 100
MIN_BATCH_ROWS = 20
MAX_BATCH_ROWS = 1_000
# A transaction may take 50 ms. The other 20 ms are for the commit, whose duration hardly depends
# on the number of rows.
TARGET_SECONDS = 0.03


def split_batches(
    rows: Iterator[RawRow], start_offset: int, next_size: Callable[[], int]
) -> Iterator[list[RawRow]]:
    """Yield lists of consecutive rows, each of about 8 MB of the file at most.

    `next_size` returns the largest number of rows of the batch that begins.
    """
    batch: list[RawRow] = []
    size = 0
    for row in rows:
        size = size or next_size()
        batch.append(row)
        if len(batch) >= size or row.end.offset - start_offset > MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
            start_offset = row.end.offset
    if batch:
        yield batch


class BatchSize:
    """The number of rows to write in one transaction, from the durations of earlier ones."""

    def __init__(self) -> None:
        """Start with a small batch."""
        self.rows = FIRST_BATCH_ROWS

    def record(self, rows: int, seconds: float) -> None:
        """Adjust the size to a transaction of `rows` that took `seconds` before its commit."""
        fitting = round(rows * TARGET_SECONDS / max(seconds, 0.001))
        self.rows = min(max(fitting, MIN_BATCH_ROWS), 2 * rows, MAX_BATCH_ROWS)
