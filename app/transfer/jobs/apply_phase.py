"""The apply phase: writes a checked file in short transactions, between which others can write."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlmodel import Session

from app.core.db.bulk_insert import id_converter
from app.core.db.database import Database
from app.core.secrets import Secrets
from app.questions.bulk_edit import BulkEdit, PreparedQuestions
from app.transfer.formats.rows import Fault, FilePosition, RawRow
from app.transfer.jobs.batch_pool import BatchPool, process_batches
from app.transfer.jobs.batches import BatchSize, split_batches
from app.transfer.jobs.job_row import MAX_REPORTED_ERRORS, error_values, set_values, update_row
from app.transfer.models import ImportJob
from app.transfer.rows.context import ImportContext
from app.transfer.rows.matching import lock_matches
from app.transfer.rows.prepared import QuestionVersion
from app.transfer.rows.preparing import prepare_rows
from app.transfer.rows.saving import compose_new, edits_of_existing, save_rows
from app.transfer.rows.term_lookup import TermFinder


@dataclass(slots=True)
class PreparedBatch:
    """The rows of one transaction, ready to be written.

    `versions` are those of the questions that the rows match; `errors` are (line, error) of rows
    that became wrong after the check.
    """

    versions: list[QuestionVersion]
    new: PreparedQuestions
    edits: list[BulkEdit]
    created: int
    changed: int
    unchanged: int
    errors: list[tuple[int, Fault]]


class BatchPreparer:
    """Parses, matches and renders the rows of a batch before their transaction begins."""

    def __init__(self, database: Database, secrets: Secrets, context: ImportContext) -> None:
        """Match with the questions of `database` and the terms of `context`."""
        self._database = database
        self._secrets = secrets
        self._context = context
        self._finder = TermFinder(context.vocabularies, create=False)
        self._key = id_converter(database.dialect)

    def __call__(self, batch: list[RawRow]) -> PreparedBatch:
        """Prepare a batch for the questions as they are now."""
        with self._database.read() as session:
            return self.prepare(session, batch)

    def prepare(self, session: Session, batch: list[RawRow]) -> PreparedBatch:
        """Prepare a batch for the questions that the session reads."""
        context = self._context
        rows = [context.file_format.parse(raw) for raw in batch]
        prepared = prepare_rows(session, context, self._finder, rows)
        valid = [row for row in prepared if not row.errors]
        changes = [row.change for row in valid]
        return PreparedBatch(
            versions=[row.match.version for row in prepared if row.match is not None],
            new=compose_new(self._secrets, context, self._key, valid),
            edits=edits_of_existing(context, valid),
            created=changes.count("create"),
            changed=changes.count("update") + changes.count("publish"),
            unchanged=changes.count("none"),
            errors=[(row.line, error) for row in prepared for error in row.errors],
        )


@dataclass(slots=True)
class BatchWriter:
    """Writes prepared batches of one job, each in a transaction with the job's progress."""

    database: Database
    secrets: Secrets
    context: ImportContext
    preparer: BatchPreparer
    job: ImportJob

    def write(self, batch: list[RawRow], prepared: PreparedBatch) -> float:
        """Write a batch and return the seconds until its commit.

        JobStoppedError when another process has moved the job; IntegrityError when another writer
        created one of the questions, or deleted a term, after the batch was prepared.
        """
        with self.database.write() as session:
            began = time.perf_counter()
            while not lock_matches(session, self.context.bank, prepared.versions):
                prepared = self.preparer.prepare(session, batch)
            # The rows and the position behind them are committed together, so that after a kill
            # no row is missing and none is written twice.
            values = _progress(self.job, batch, prepared)
            update_row(session, self.job, values)
            save_rows(session, self.secrets, self.context, prepared.new, prepared.edits)
            seconds = time.perf_counter() - began
        set_values(self.job, values)
        return seconds


def apply_file(
    file: BinaryIO, writer: BatchWriter, pool: BatchPool | None, on_commit: Callable[[], None]
) -> None:
    """Write the rows from the job's position to the end; call `on_commit` after each batch.

    Errors are those of `BatchWriter.write`.
    """
    position = FilePosition(writer.job.next_offset, writer.job.next_line)
    rows = writer.context.file_format.scan(file, position)
    size = BatchSize()
    batches = split_batches(rows, position.offset, lambda: size.rows)
    for batch, prepared in process_batches(writer.preparer, batches, pool):
        seconds = writer.write(batch, prepared)
        size.record(len(batch), seconds)
        on_commit()


def _progress(job: ImportJob, batch: list[RawRow], prepared: PreparedBatch) -> dict[str, Any]:
    end = batch[-1].end
    values: dict[str, Any] = {
        "done": job.done + len(batch),
        "created": job.created + prepared.created,
        "changed": job.changed + prepared.changed,
        "unchanged": job.unchanged + prepared.unchanged,
        "next_offset": end.offset,
        "next_line": end.line,
    }
    if prepared.errors:
        errors = [error_values(line, error) for line, error in prepared.errors]
        values["rows"] = [*job.rows, *errors][:MAX_REPORTED_ERRORS]
        values["error_count"] = job.error_count + len(errors)
    return values
