"""Applies a checked file in transactions short enough that nobody waits for them."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from sqlmodel import Session

from app.core.database import Database
from app.core.secrets import Secrets
from app.transfer.context import Context
from app.transfer.formats.rows import Fault, Place, Row
from app.transfer.matching import lock_matches
from app.transfer.prepared import Prepared
from app.transfer.preparing import BatchSize, batches, prepare
from app.transfer.saving import save
from app.transfer.terms import TermFinder

FIRST_ROWS = 100
MOST_ROWS = 1_000
# Of the 50 ms that a transaction may take; the rest is for the disk.
AIM_SECONDS = 0.035


class Applier:
    """Reads the rows that are left and makes steps of them, sized by how long the last took."""

    def __init__(
        self, database: Database, secrets: Secrets, context: Context, file: BinaryIO
    ) -> None:
        self.database = database
        self.secrets = secrets
        self.context = context
        self.finder = TermFinder(context.vocabularies, create=False)
        self._file = file
        self._size = BatchSize(FIRST_ROWS)

    def steps(self, place: Place) -> Iterator["Step"]:
        """Yield what is to be done from `place` on, one transaction each."""
        rows = self.context.file_format.read(self._file, place)
        for batch in batches(rows, place.offset, self._size):
            yield Step(self, batch)

    def took(self, seconds: float, rows: int) -> None:
        """Learn from a transaction how many rows the next may have."""
        fitting = round(rows * AIM_SECONDS / max(seconds, 0.001))
        self._size.rows = max(1, min(fitting, self._size.rows * 2, MOST_ROWS))


class Step:
    """One transaction's worth of rows, prepared before it begins."""

    def __init__(self, applier: Applier, rows: Sequence[Row]) -> None:
        self.applier = applier
        self._rows = rows
        self._prepared: list[Prepared] = []
        self.renew()

    @property
    def end(self) -> Place:
        """Where the next step's first row begins."""
        return self._rows[-1].end

    @property
    def count(self) -> int:
        """How many rows it has."""
        return len(self._rows)

    @property
    def created(self) -> int:
        """How many questions it makes."""
        return self._counted("create")

    @property
    def changed(self) -> int:
        """How many questions it changes or publishes."""
        return self._counted("update", "publish")

    @property
    def unchanged(self) -> int:
        """How many questions stay as they were."""
        return self._counted("keep")

    @property
    def faults(self) -> list[tuple[int, Fault]]:
        """What has become wrong since the check: (line, fault)."""
        return [(entry.line, fault) for entry in self._prepared for fault in entry.faults]

    def settle(self, session: Session) -> None:
        """Lock the questions concerned; prepare anew as long as one of them moved meanwhile."""
        while not lock_matches(session, self.applier.context.bank, self._prepared):
            self._prepared = self._prepare(session)

    def renew(self) -> None:
        """Prepare, anew where somebody has made a question that a row was to make."""
        with self.applier.database.read() as session:
            self._prepared = self._prepare(session)

    def write(self, session: Session) -> None:
        """Save and publish; locks the clock, so nothing may follow."""
        changing = [entry for entry in self._prepared if not entry.faults]
        save(session, self.applier.secrets, self.applier.context, changing)

    def _prepare(self, session: Session) -> list[Prepared]:
        applier = self.applier
        return prepare(session, applier.context, applier.finder, self._rows)

    def _counted(self, *changes: str) -> int:
        return sum(1 for entry in self._prepared if not entry.faults and entry.change in changes)
