"""Compares one index with the database, range by range, and sends every difference.

Takes a bank and an index; gives the sender the numbers that differ, and counts the drift. A build
fills its staging index with it, and a repair corrects a live one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.core.db.database import Database
from app.published.follower import PublishedRow
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import acknowledged_seq, live_rows, rows_by_number
from app.search.meilisearch.batches import Acknowledgement
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.sender import Sender
from app.search.meilisearch.signature import row_signature
from app.search.meilisearch.timings import Timings

MAX_DOCUMENT_ID = 2**53 - 1


@dataclass(slots=True)
class DriftCounts:
    """How many questions a comparison found missing, stale, or indexed though not live."""

    missing: int = 0
    stale: int = 0
    ghost: int = 0


class IndexComparison:
    """One pass over an index: `step` compares one range of numbers.

    It ignores changes that are published meanwhile, because the feed brings them. What it sends is
    loaded again when it is sent, so it cannot overwrite a later change. `rows_read` counts the
    live questions read so far; `drift` counts what was wrong, without what was in flight.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each collaborator is one parameter
        self,
        database: Database,
        client: AdminClient,
        context: IndexingContext,
        sender: Sender,
        timings: Timings,
        bank: str,
        index: str,
        *,
        index_is_empty: bool = False,
    ) -> None:
        """Compare `index` with the live questions of `bank`.

        With `index_is_empty` the index is not read, and nothing counts as drift.
        """
        self._database = database
        self._client = client
        self._context = context
        self._sender = sender
        self._timings = timings
        self._index_is_empty = index_is_empty
        self._acknowledgement = Acknowledgement()
        self._last_number = 0
        self.bank = bank
        self.index = index
        self.all_read = False
        self.rows_read = 0
        self.drift = DriftCounts()

    @property
    def is_done(self) -> bool:
        """Whether everything was read and every difference has been acknowledged."""
        return self.all_read and self._acknowledgement.is_complete

    def step(self) -> None:
        """Compare the next range."""
        limit = self._timings.read_rows
        with self._database.read() as session:
            self._context.refresh(session)
            rows = live_rows(session.connection(), self.bank, self._last_number, limit)
        up_to = rows[-1].number if len(rows) == limit else MAX_DOCUMENT_ID
        # The session is closed before the request: a slow server must not hold a connection.
        indexed: Mapping[int, tuple[int, str]] = {}
        if not self._index_is_empty:
            indexed = self._client.get_signatures(self.index, self._last_number, up_to)
        expected = dict(self._expected_signatures(rows))
        outdated = [
            number
            for number, signature in expected.items()
            if number not in indexed or indexed[number][1] != signature
        ]
        ghosts = [number for number in indexed if number not in expected]
        if not self._index_is_empty and (outdated or ghosts):
            self._count_drift(indexed, outdated, ghosts)
        self._sender.enqueue(
            self.bank,
            self.index,
            sorted({*outdated, *ghosts}),
            self._acknowledgement,
            bulk=True,
        )
        self.rows_read += len(rows)
        self._last_number = up_to
        self.all_read = up_to == MAX_DOCUMENT_ID

    def _expected_signatures(self, rows: Sequence[PublishedRow]) -> Iterator[tuple[int, str]]:
        """Yield number and signature of the questions that must be in the index."""
        includes_answer = self._context.banks.get(self.bank, False)
        quarantine = self._sender.quarantine
        for row in rows:
            signature = row_signature(row, self._context.term_texts, includes_answer)
            entry = quarantine.get(row.number)
            if entry is None or entry.signature != signature:
                yield row.number, signature

    def _count_drift(
        self,
        indexed: Mapping[int, tuple[int, str]],
        outdated: Sequence[int],
        ghosts: Sequence[int],
    ) -> None:
        """Count the differences that neither the feed nor a batch in flight will remove."""
        with self._database.read() as session:
            connection = session.connection()
            acknowledged = acknowledged_seq(connection)
            rows = rows_by_number(connection, [*outdated, *ghosts])
        unacknowledged = self._sender.unacknowledged_numbers()
        ghost_numbers = set(ghosts)
        for number in (*outdated, *ghosts):
            row = rows.get(number)
            if (row is not None and row.seq > acknowledged) or number in unacknowledged:
                continue
            self.drift.ghost += number in ghost_numbers
            self.drift.stale += number in indexed and number not in ghost_numbers
            self.drift.missing += number not in indexed
