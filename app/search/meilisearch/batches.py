"""The batches that the sender sends, and the acknowledgement that their callers wait for."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Acknowledgement:
    """Counts the batches that the server has not acknowledged yet.

    One acknowledgement belongs to one unit of work: a slice of the feed, or a comparison.
    """

    pending: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the server has acknowledged every batch."""
        return self.pending == 0


@dataclass(slots=True, eq=False)
class Batch:
    """Questions of one bank to send to one index.

    Only their numbers are stored: their content is loaded when the batch is sent. `bulk` batches
    belong to builds and repairs and give way to those of the feed. `not_before` is the monotonic
    time before which the batch is not sent again. `acknowledged_before` is how many batches had
    been acknowledged when this one first failed.
    """

    bank: str
    index: str
    numbers: Sequence[int]
    acknowledgement: Acknowledgement
    bulk: bool
    failures: int = 0
    not_before: float = 0.0
    acknowledged_before: int = 0

    def split(self, failures: int) -> list["Batch"]:
        """Return the two halves as new batches, or one new batch if there is one question.

        They replace this batch in its acknowledgement.
        """
        middle = (len(self.numbers) + 1) // 2
        halves = [half for half in (self.numbers[:middle], self.numbers[middle:]) if half]
        self.acknowledgement.pending += len(halves) - 1
        return [
            Batch(self.bank, self.index, half, self.acknowledgement, self.bulk, failures)
            for half in halves
        ]
