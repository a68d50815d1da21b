"""One run of one import job, from its stored state to its end."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.formats.rows import Fault
from app.transfer.jobs.apply_phase import BatchPreparer, BatchWriter, apply_file
from app.transfer.jobs.batch_pool import BatchPool
from app.transfer.jobs.batch_worker import fewer_collections
from app.transfer.jobs.check_phase import BatchChecker, CheckReport, check_file
from app.transfer.jobs.job_row import (
    MAX_REPORTED_ERRORS,
    JobStoppedError,
    error_values,
    set_values,
    update_row,
)
from app.transfer.jobs.process_policy import wants_batch_pool
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.permissions import lost_scope
from app.transfer.rows.context import ImportContext, load_context
from app.transfer.rows.term_lookup import create_terms
from app.transfer.service import import_path

log = logging.getLogger(__name__)

# How often a batch is tried while other writers change the same questions.
MAX_ATTEMPTS = 5
# A full disk, or a database that cannot be reached: the job is tried again later.
TEMPORARY_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError, OSError)

OnProgress = Callable[[ImportJob], None]


class JobRun:
    """Runs one job to its end; after each transaction another run can resume it."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: Secrets,
        check_stopped: Callable[[], None],
        on_progress: OnProgress,
    ) -> None:
        """Stop where `check_stopped`, called between transactions, raises JobStoppedError."""
        self._database = database
        self._settings = settings
        self._secrets = secrets
        self._check_stopped = check_stopped
        self._on_progress = on_progress
        self._pool: BatchPool | None = None

    def run(self, job_id: UUID) -> None:
        """Run the job to its end; JobStoppedError when another run has to resume it."""
        with self._database.read() as session:
            job = repository.find(session, job_id)
        if job is None or job.state not in OPEN_STATES:
            return
        path = import_path(self._settings, job_id)
        if wants_batch_pool(self._settings, job):
            self._pool = BatchPool(self._settings, job_id)
        try:
            with fewer_collections():
                if job.state != "applying":
                    self._check(job, path)
                if job.state == "applying":
                    self._apply(job, path)
        except (JobStoppedError, *TEMPORARY_ERRORS):
            raise
        except Exception:
            # A job that fails by a defect must end, or it would be tried for ever.
            log.exception("import %s failed", job_id)
            self._refuse(job, "internal_error", "An internal error occurred; see the server's log.")
        finally:
            if self._pool is not None:
                self._pool.close()
        path.unlink(missing_ok=True)

    def _check(self, job: ImportJob, path: Path) -> None:
        self._move(job, "checking", done=0)
        context = self._context(job)
        if context is None:
            self._refuse_without_bank(job)
            return

        def on_progress(done: int) -> None:
            self._check_stopped()
            job.done = done
            self._on_progress(job)

        checker = BatchChecker(self._database, self._secrets, context)
        with path.open("rb") as file:
            report = check_file(file, context, checker, self._pool, on_progress)
        values = _report_values(report)
        if report.error_count:
            self._end(job, "refused", **values)
        elif job.dry_run:
            self._end(job, "done", **values)
        else:
            self._start_applying(job, report, values)

    def _start_applying(self, job: ImportJob, report: CheckReport, values: dict[str, Any]) -> None:
        with self._database.read() as session:
            lost = lost_scope(session, job)
        if lost is not None:
            self._refuse(job, "missing_scope", f"The key no longer has the scope {lost}.")
            return
        values |= {"state": "applying", "done": 0, "created": 0, "changed": 0, "unchanged": 0}
        with self._database.write() as session:
            update_row(session, job, values)
            create_terms(session, report.unknown_terms)
        set_values(job, values)
        self._on_progress(job)

    def _apply(self, job: ImportJob, path: Path) -> None:
        failures = 0
        while True:
            offset = job.next_offset
            try:
                if self._apply_remaining(job, path):
                    self._end(job, "done")
            except IntegrityError:
                # Another writer created one of the questions, or deleted a term, after the batch
                # was prepared: prepare it again.
                failures = failures + 1 if job.next_offset == offset else 1
                if failures == MAX_ATTEMPTS:
                    raise
            else:
                return

    def _apply_remaining(self, job: ImportJob, path: Path) -> bool:
        """Apply the rows that are not applied yet; False when the job was refused instead."""
        context = self._context(job)
        if context is None:
            self._refuse_without_bank(job)
            return False

        def on_commit() -> None:
            self._on_progress(job)
            if self._database.write_lock is not None:
                self._database.write_lock.let_others_write()
            self._check_stopped()

        self._check_stopped()
        preparer = BatchPreparer(self._database, self._secrets, context)
        writer = BatchWriter(self._database, self._secrets, context, preparer, job)
        with path.open("rb") as file:
            apply_file(file, writer, self._pool, on_commit)
        return True

    def _context(self, job: ImportJob) -> ImportContext | None:
        with self._database.read() as session:
            return load_context(session, job)

    def _move(self, job: ImportJob, state: str, **values: Any) -> None:  # noqa: ANN401 - columns
        values["state"] = state
        with self._database.write() as session:
            update_row(session, job, values)
        set_values(job, values)
        self._on_progress(job)

    def _refuse_without_bank(self, job: ImportJob) -> None:
        self._refuse(job, "not_found", "The bank was deleted.")

    def _refuse(self, job: ImportJob, code: str, hint: str) -> None:
        error = error_values(0, Fault("", code, None, hint))
        rows = [*job.rows, error][:MAX_REPORTED_ERRORS]
        self._end(job, "refused", rows=rows, error_count=job.error_count + 1)

    def _end(self, job: ImportJob, state: str, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._database.read() as session:
            mark = read_mark(session)
        self._move(job, state, ended_at=time_and_random.now(), **values, **mark._asdict())


def _report_values(report: CheckReport) -> dict[str, Any]:
    return {
        "done": report.rows,
        "of": report.rows,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "error_count": report.error_count,
        "rows": [error_values(line, error) for line, error in report.errors],
        "unknown_terms": [
            {"vocabulary": vocabulary, "value": value} for vocabulary, value in report.unknown_terms
        ],
    }
