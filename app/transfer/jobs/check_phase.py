"""The check phase: reads and checks the whole file before any row is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from app.core.db.database import Database
from app.core.secrets import Secrets
from app.transfer.formats.rows import FILE_START, Fault, RawRow
from app.transfer.jobs.batch_pool import BatchPool, process_batches
from app.transfer.jobs.batches import split_batches
from app.transfer.jobs.job_row import MAX_REPORTED_ERRORS
from app.transfer.rows.context import ImportContext
from app.transfer.rows.duplicates import DuplicateFinder
from app.transfer.rows.prepared import PreparedRow
from app.transfer.rows.preparing import prepare_rows
from app.transfer.rows.term_lookup import TermFinder

BATCH_ROWS = 500


@dataclass(slots=True)
class CheckReport:
    """The changes that a file, or a batch of it, would make, and all errors in it.

    `unknown_terms` are (vocabulary, value); `duplicates` takes twelve bytes a row, all else is
    bounded.
    """

    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    error_count: int = 0
    errors: list[tuple[int, Fault]] = field(default_factory=list)
    unknown_terms: list[tuple[str, str]] = field(default_factory=list)
    duplicates: DuplicateFinder = field(default_factory=DuplicateFinder)

    def add_row(self, row: PreparedRow) -> None:
        """Count one row."""
        self.rows += 1
        for error in row.errors:
            self._add_error(row.line, error)
        for key in row.keys:
            self.duplicates.add(key, row.line)
        if row.errors:
            return
        if row.change == "create":
            self.created += 1
        elif row.change == "none":
            self.unchanged += 1
        else:
            self.changed += 1

    def add_batch(self, batch: "CheckReport") -> None:
        """Add the report on the batch that follows in the file."""
        for name in ("rows", "created", "changed", "unchanged", "error_count"):
            setattr(self, name, getattr(self, name) + getattr(batch, name))
        self.errors = [*self.errors, *batch.errors][:MAX_REPORTED_ERRORS]
        self.unknown_terms = list(dict.fromkeys([*self.unknown_terms, *batch.unknown_terms]))
        self.duplicates.update(batch.duplicates)

    def add_duplicates(self) -> None:
        """Add an error for each row that means the same question as an earlier one."""
        count, pairs = self.duplicates.find(MAX_REPORTED_ERRORS)
        for line, earlier in pairs:
            hint = f"Line {earlier} has the same question; remove one of the two lines."
            self.errors.append((line, Fault("external_id", "invalid_value", None, hint)))
        self.error_count += count
        self.errors = sorted(self.errors, key=lambda error: error[0])[:MAX_REPORTED_ERRORS]

    def _add_error(self, line: int, error: Fault) -> None:
        self.error_count += 1
        if len(self.errors) < MAX_REPORTED_ERRORS:
            self.errors.append((line, error))


class BatchChecker:
    """Parses and matches the rows of a batch, and reports what they would change."""

    def __init__(self, database: Database, secrets: Secrets, context: ImportContext) -> None:  # noqa: ARG002 - as BatchTask demands
        """Check against the questions of `database` and the terms of `context`."""
        self._database = database
        self._context = context
        self._finder = TermFinder(context.vocabularies, create=context.create_terms)

    def __call__(self, batch: list[RawRow]) -> CheckReport:
        """Return the report on the batch; unknown terms that an earlier one had are left out."""
        report = CheckReport()
        known_count = len(self._finder.unknown)
        rows = [self._context.file_format.parse(raw) for raw in batch]
        with self._database.read() as session:
            prepared = prepare_rows(session, self._context, self._finder, rows)
        for row in prepared:
            report.add_row(row)
        report.unknown_terms = list(self._finder.unknown)[known_count:]
        return report


def check_file(
    file: BinaryIO,
    context: ImportContext,
    checker: BatchChecker,
    pool: BatchPool | None,
    on_progress: Callable[[int], None],
) -> CheckReport:
    """Check all rows of a file; call `on_progress` with the number of rows after each batch."""
    batches = split_batches(context.file_format.scan(file, FILE_START), 0, lambda: BATCH_ROWS)
    report = CheckReport()
    for _, batch_report in process_batches(checker, batches, pool):
        report.add_batch(batch_report)
        on_progress(report.rows)
    report.add_duplicates()
    return report
