"""Checks a whole file before anything of it is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from app.core.database import Database
from app.transfer.context import Context
from app.transfer.duplicates import Duplicates
from app.transfer.formats.rows import START, Fault
from app.transfer.prepared import Prepared
from app.transfer.preparing import BatchSize, batches, prepare
from app.transfer.terms import TermFinder

BATCH = 500
MAX_FAULTS = 1_000


@dataclass(slots=True)
class Report:
    """What a file would do, and everything that is wrong in it."""

    of: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    error_count: int = 0
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    def add(self, line: int, fault: Fault) -> None:
        """Count a fault, and keep it while there is room."""
        self.error_count += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append((line, fault))


class Checker:
    """One pass over a file; memory does not grow with it but for twelve bytes a row."""

    def __init__(self, database: Database, context: Context, file: BinaryIO) -> None:
        self._database = database
        self._context = context
        self._file = file
        self._report = Report()
        self._duplicates = Duplicates()

    def run(self, checked: Callable[[int], None]) -> Report:
        """Return what the file holds; tells `checked` now and then how many rows are done."""
        report = self._report
        finder = TermFinder(self._context.vocabularies, create=self._context.create_terms)
        rows = self._context.file_format.read(self._file, START)
        for batch in batches(rows, 0, BatchSize(BATCH)):
            with self._database.read() as session:
                prepared = prepare(session, self._context, finder, batch)
            for entry in prepared:
                self._count(entry)
            report.of += len(batch)
            checked(report.of)
        count, pairs = self._duplicates.found(MAX_FAULTS)
        for line, earlier in pairs:
            hint = f"Line {earlier} has the same question; take one of the two out."
            report.add(line, Fault("external_id", "invalid_value", None, hint))
        report.error_count += count - len(pairs)
        report.faults.sort(key=lambda entry: entry[0])
        report.unknown = list(finder.unknown)
        return report

    def _count(self, entry: Prepared) -> None:
        report = self._report
        for fault in entry.faults:
            report.add(entry.line, fault)
        for key in entry.keys:
            self._duplicates.add(key, entry.line)
        if entry.faults:
            return
        if entry.change == "create":
            report.created += 1
        elif entry.change == "keep":
            report.unchanged += 1
        else:
            report.changed += 1
