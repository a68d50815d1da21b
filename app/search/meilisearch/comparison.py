"""Compares one index with the database, range by range, and has every difference sent anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.core.db.database import Database
from app.published.follower import PublishedRow
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import acknowledged_seq, live_rows, rows_numbered
from app.search.meilisearch.client import Server
from app.search.meilisearch.sender import Sender, Ticket
from app.search.meilisearch.signature import signature
from app.search.meilisearch.timings import Pace

END = 2**53 - 1


@dataclass(slots=True)
class Differences:
    """How many questions a comparison found missing, stale and gone that should have been right."""

    missing: int = 0
    stale: int = 0
    ghost: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.missing + self.stale + self.ghost


class Comparison:
    """One pass over an index; `step` takes a range of numbers, `done` when all arrived.

    Changes that come meanwhile are not its business: the feed brings them. What it sends is read
    again when it is sent, so it can never undo a later change.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with, each once
        self,
        database: Database,
        server: Server,
        knowledge: Knowledge,
        sender: Sender,
        pace: Pace,
        bank: str,
        index: str,
        *,
        fresh: bool = False,
    ) -> None:
        """Compare `index` with the live questions of `bank`; a fresh one is known to be empty."""
        self._database = database
        self._server = server
        self._knowledge = knowledge
        self._sender = sender
        self._pace = pace
        self._fresh = fresh
        self._ticket = Ticket()
        self._at = 0
        self.bank = bank
        self.index = index
        self.read = False
        self.seen = 0
        self.found = Differences()

    @property
    def done(self) -> bool:
        """Whether everything was read and what differed has arrived."""
        return self.read and self._ticket.left == 0

    def step(self) -> None:
        """Take the next range."""
        most = self._pace.rows
        with self._database.read() as session:
            self._knowledge.refresh(session)
            rows = live_rows(session.connection(), self.bank, self._at, most)
        upto = rows[-1].number if len(rows) == most else END
        # Nothing of the database is held while the server is asked.
        theirs = {} if self._fresh else self._server.signatures(self.index, self._at, upto)
        ours = dict(self._expected(rows))
        wrong = [number for number, signed in ours.items() if _of(theirs, number) != signed]
        ghosts = [number for number in theirs if number not in ours]
        if not self._fresh and (wrong or ghosts):
            self._count(theirs, wrong, ghosts)
        self._sender.ship(self.bank, self.index, sorted({*wrong, *ghosts}), self._ticket, bulk=True)
        self.seen += len(rows)
        self._at = upto
        self.read = upto == END

    def _expected(self, rows: Sequence[PublishedRow]) -> Iterator[tuple[int, str]]:
        with_answer = self._knowledge.banks.get(self.bank, False)
        kept = self._sender.quarantined
        for row in rows:
            signed = signature(row, self._knowledge.texts, with_answer)
            if row.number not in kept or kept[row.number].signature != signed:
                yield row.number, signed

    def _count(
        self,
        theirs: dict[int, tuple[int, str]],
        wrong: list[int],
        ghosts: list[int],
    ) -> None:
        with self._database.read() as session:
            kept = session.connection()
            acknowledged = acknowledged_seq(kept)
            rows = rows_numbered(kept, [*wrong, *ghosts])
        moving = self._sender.in_motion()
        left_over = set(ghosts)
        for number in (*wrong, *ghosts):
            row = rows.get(number)
            if (row is not None and row.seq > acknowledged) or number in moving:
                continue
            self.found.ghost += number in left_over
            self.found.stale += number in theirs and number not in left_over
            self.found.missing += number not in theirs


def _of(theirs: dict[int, tuple[int, str]], number: int) -> str | None:
    found = theirs.get(number)
    return None if found is None else found[1]
