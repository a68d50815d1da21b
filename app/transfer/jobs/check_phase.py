"""Checks a whole file before anything of it is written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from app.core.db.database import Database
from app.transfer.formats.rows import FILE_START, Fault
from app.transfer.rows.context import Context
from app.transfer.rows.duplicates import Duplicates
from app.transfer.rows.prepared import Prepared
from app.transfer.rows.preparing import batches, prepare
from app.transfer.rows.term_lookup import TermFinder

BATCH = 500
MAX_FAULTS = 1_000


@dataclass(slots=True)
class Report:
    """What a file, or a part of it, would do, and everything that is wrong in it."""

    of: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    error_count: int = 0
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    duplicates: Duplicates = field(default_factory=Duplicates)

    def add(self, line: int, fault: Fault) -> None:
        """Count a fault, and keep it while there is room."""
        self.error_count += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append((line, fault))

    def update(self, other: "Report") -> None:
        """Take in the report on the rest of the file."""
        for name in ("of", "created", "changed", "unchanged", "error_count"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.faults += other.faults
        self.unknown = list(dict.fromkeys([*self.unknown, *other.unknown]))
        self.duplicates.update(other.duplicates)

    def finish(self) -> None:
        """Report the rows that mean the same question, and put all faults in order."""
        count, pairs = self.duplicates.found(MAX_FAULTS)
        for line, earlier in pairs:
            hint = f"Line {earlier} has the same question; take one of the two out."
            self.faults.append((line, Fault("external_id", "invalid_value", None, hint)))
        self.error_count += count
        self.faults = sorted(self.faults, key=lambda entry: entry[0])[:MAX_FAULTS]


class Checker:
    """One pass over a file; memory does not grow with it but for twelve bytes a row."""

    def __init__(self, database: Database, context: Context, file: BinaryIO) -> None:
        self._database = database
        self._context = context
        self._file = file

    def run(self, claims: Iterator[int], checked: Callable[[int], None]) -> Report:
        """Return what the batches hold that `claims` numbers, in ascending order.

        Tells `checked` now and then how many rows are done.
        """
        report = Report()
        context = self._context
        finder = TermFinder(context.vocabularies, create=context.create_terms)
        raws = context.file_format.scan(self._file, FILE_START)
        claimed = next(claims)
        for number, batch in batches(raws, 0, lambda _: BATCH):
            if number != claimed:
                continue
            rows = [context.file_format.parse(raw) for raw in batch]
            with self._database.read() as session:
                prepared = prepare(session, context, finder, rows)
            for entry in prepared:
                _count(report, entry)
            report.of += len(batch)
            checked(report.of)
            claimed = next(claims)
        report.unknown = list(finder.unknown)
        return report


def _count(report: Report, entry: Prepared) -> None:
    for fault in entry.faults:
        report.add(entry.line, fault)
    for key in entry.keys:
        report.duplicates.add(key, entry.line)
    if entry.faults:
        return
    if entry.change == "create":
        report.created += 1
    elif entry.change == "keep":
        report.unchanged += 1
    else:
        report.changed += 1
