"""Applies a checked file in transactions short enough that nobody waits for them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from sqlmodel import Session

from app.core.db.bulk_insert import key_for
from app.core.db.database import Database
from app.core.secrets import Secrets
from app.questions.bulk_edit import PreparedQuestions
from app.transfer import repository
from app.transfer.formats.rows import Fault, FilePosition, Row
from app.transfer.jobs.batch_size import Sizes
from app.transfer.jobs.step_turns import Outcome, PartnerLostError, StoppedError, Turns
from app.transfer.models import ImportJob
from app.transfer.rows.context import Context
from app.transfer.rows.matching import lock_matches
from app.transfer.rows.prepared import Prepared
from app.transfer.rows.preparing import batches, prepare
from app.transfer.rows.saving import compose_new, save
from app.transfer.rows.term_lookup import TermFinder

MAX_ROWS = 1_000


class Applier:
    """Reads the rows that are left and makes steps of them, sized by how long others took."""

    def __init__(
        self, database: Database, secrets: Secrets, context: Context, file: BinaryIO
    ) -> None:
        self.database = database
        self.secrets = secrets
        self.context = context
        self.finder = TermFinder(context.vocabularies, create=False)
        self._file = file
        self._sizes = Sizes()

    def run(self, job: ImportJob, turns: Turns, between: Callable[[], None]) -> None:
        """Apply what is left of the job's file, in turns; `between` is called after each step.

        StoppedError when somebody else has moved the job, PartnerLostError when turns fail.
        """
        place = FilePosition(job.next_offset, job.next_line)
        last = -1
        for last, step in self._steps(place, turns):
            if step is None:
                continue
            self._learn(job, turns.before(last))
            turns.after(self._take(job, last, step))
            between()
        self._learn(job, turns.before(last + 1))

    def _steps(self, place: FilePosition, turns: Turns) -> Iterator[tuple[int, "Step | None"]]:
        file_format = self.context.file_format
        raws = file_format.scan(self._file, place)
        begin = place.offset
        for number, batch in batches(raws, begin, self._sizes.of):
            if turns.mine(number):
                yield number, Step(self, begin, [file_format.parse(raw) for raw in batch])
            else:
                yield number, None
            begin = batch[-1].end.offset

    def _take(self, job: ImportJob, number: int, step: "Step") -> Outcome:
        if step.begin != job.next_offset:
            # Rows between would be left out, or done twice.
            raise PartnerLostError
        # Doing and recording are one transaction, so no row is done twice or never.
        with self.database.write() as session:
            began = time.perf_counter()
            step.settle(session)
            values = _progress(job, step)
            advance(session, job, values)
            step.write(session)
            seconds = time.perf_counter() - began
        outcome = Outcome(number, values, seconds, step.count)
        self._learn(job, outcome)
        return outcome

    def _learn(self, job: ImportJob, outcome: Outcome | None) -> None:
        if outcome is not None:
            set_values(job, outcome.values)
            self._sizes.took(outcome.number, outcome.seconds, outcome.rows)


class Step:
    """One transaction's worth of rows, prepared before it begins."""

    def __init__(self, applier: Applier, begin: int, rows: Sequence[Row]) -> None:
        self.begin = begin
        self._applier = applier
        self._rows = rows
        with applier.database.read() as session:
            self._prepared = self._prepare(session)
        key = key_for(applier.database.dialect)
        self._composed: PreparedQuestions | None = compose_new(
            applier.secrets, applier.context, key, self._prepared
        )

    @property
    def end(self) -> FilePosition:
        """Where the next step's first row begins."""
        return self._rows[-1].end

    @property
    def count(self) -> int:
        """How many rows it has."""
        return len(self._rows)

    @property
    def faults(self) -> list[tuple[int, Fault]]:
        """What has become wrong since the check: (line, fault)."""
        return [(entry.line, fault) for entry in self._prepared for fault in entry.faults]

    def counted(self, *changes: str) -> int:
        """Return how many rows come to one of these changes."""
        return sum(1 for entry in self._prepared if not entry.faults and entry.change in changes)

    def settle(self, session: Session) -> None:
        """Lock the questions concerned; prepare anew as long as one of them moved meanwhile."""
        while not lock_matches(session, self._applier.context.bank, self._prepared):
            self._prepared = self._prepare(session)
            self._composed = None

    def write(self, session: Session) -> None:
        """Save and publish; locks the clock, so nothing may follow."""
        changing = [entry for entry in self._prepared if not entry.faults]
        save(session, self._applier.secrets, self._applier.context, changing, self._composed)

    def _prepare(self, session: Session) -> list[Prepared]:
        applier = self._applier
        return prepare(session, applier.context, applier.finder, self._rows)


def advance(session: Session, job: ImportJob, values: Mapping[str, Any]) -> None:
    """Set values of the job's row; StoppedError when somebody else has moved it."""
    expected = {"state": job.state, "next_offset": job.next_offset}
    if not repository.advance(session, job.id, expected, values):
        raise StoppedError


def set_values(job: ImportJob, values: Mapping[str, Any]) -> None:
    """Set values of the job in hand."""
    for name, value in values.items():
        setattr(job, name, value)


def row_value(line: int, fault: Fault) -> dict[str, Any]:
    """Return a fault as the report keeps it."""
    return {"line": line, **fault._asdict()}


def _progress(job: ImportJob, step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {
        "done": job.done + step.count,
        "created": job.created + step.counted("create"),
        "changed": job.changed + step.counted("update", "publish"),
        "unchanged": job.unchanged + step.counted("keep"),
        "next_offset": step.end.offset,
        "next_line": step.end.line,
    }
    if step.faults:
        values["rows"] = [*job.rows, *(row_value(*fault) for fault in step.faults)][:MAX_ROWS]
        values["error_count"] = job.error_count + len(step.faults)
    return values
