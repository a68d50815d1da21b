"""One run of one import job, from wherever it stands to its end."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

from app.core import entropy
from app.core.clock import read_mark
from app.core.database import Database
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.applying import Applier, Step
from app.transfer.checking import Checker, Report
from app.transfer.context import Context, load_context
from app.transfer.formats.rows import Fault, Place
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.permissions import lost_right
from app.transfer.service import import_path
from app.transfer.terms import create_terms

log = logging.getLogger(__name__)

MAX_ROWS = 1_000
ATTEMPTS = 5
# A full disk or a database that is away: worth another try later.
PASSING = (OperationalError, InterfaceError, PoolTimeoutError, OSError)

Progress = Callable[[ImportJob], None]


class StoppedError(Exception):
    """The run stops here: the process ends, or someone else has the job."""


class JobRun:
    """Brings one job to its end; each transaction leaves it where another run can go on."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: Secrets,
        keep_going: Callable[[], None],
        progress: Progress,
    ) -> None:
        """`keep_going` is asked between transactions and raises StoppedError to stop."""
        self._database = database
        self._settings = settings
        self._secrets = secrets
        self._keep_going = keep_going
        self._progress = progress

    def run(self, job_id: UUID) -> None:
        """Run the job to its end; StoppedError when it has to go on elsewhere or later."""
        with self._database.read() as session:
            job = repository.find(session, job_id)
        if job is None or job.state not in OPEN_STATES:
            return
        path = import_path(self._settings, job_id)
        try:
            if job.state != "applying":
                self._check(job, path)
            if job.state == "applying":
                self._apply(job, path)
        except (StoppedError, *PASSING):
            raise
        except Exception:
            # Without this a file that trips over a fault of ours would be tried for ever.
            log.exception("import %s failed", job_id)
            self._refuse(job, "internal_error", "Something broke here; the log says what.")
        path.unlink(missing_ok=True)

    def _check(self, job: ImportJob, path: Path) -> None:
        self._move(job, "checking", done=0)
        context = self._context(job)
        if context is None:
            self._refuse(job, "not_found", "The bank does not exist any more.")
            return

        def checked(done: int) -> None:
            self._keep_going()
            job.done = done
            self._progress(job)

        with path.open("rb") as file:
            report = Checker(self._database, context, file).run(checked)
        values = _findings(report)
        if report.error_count:
            self._end(job, "refused", **values)
        elif job.dry_run:
            self._end(job, "done", **values)
        else:
            self._start_applying(job, report, values)

    def _start_applying(self, job: ImportJob, report: Report, values: dict[str, Any]) -> None:
        with self._database.read() as session:
            lost = lost_right(session, job)
        if lost is not None:
            self._refuse(job, "missing_scope", f"The key no longer has the scope {lost}.")
            return
        values |= {"state": "applying", "done": 0, "created": 0, "changed": 0, "unchanged": 0}
        with self._database.write() as session:
            self._advance(session, job, values)
            create_terms(session, report.unknown)
        _set(job, values)
        self._progress(job)

    def _apply(self, job: ImportJob, path: Path) -> None:
        context = self._context(job)
        if context is None:
            self._refuse(job, "not_found", "The bank does not exist any more.")
            return
        with path.open("rb") as file:
            applier = Applier(self._database, self._secrets, context, file)
            for step in applier.steps(Place(job.next_offset, job.next_line)):
                self._keep_going()
                self._take_step(job, step)
                self._progress(job)
                self._stand_back()
        self._end(job, "done")

    def _take_step(self, job: ImportJob, step: Step) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                # Doing and recording are one transaction, so no row is done twice or never.
                with self._database.write() as session:
                    began = time.perf_counter()
                    step.settle(session)
                    values = _progress_values(job, step)
                    self._advance(session, job, values)
                    step.write(session)
                step.applier.took(time.perf_counter() - began, step.count)
            except IntegrityError:
                # Someone made one of these questions in between; the next attempt will see it.
                if attempt == ATTEMPTS:
                    raise
                step.renew()
            else:
                _set(job, values)
                return

    def _stand_back(self) -> None:
        if self._database.write_lock is not None:
            self._database.write_lock.stand_back()

    def _context(self, job: ImportJob) -> Context | None:
        with self._database.read() as session:
            return load_context(session, job)

    def _move(self, job: ImportJob, state: str, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._database.write() as session:
            self._advance(session, job, values | {"state": state})
        _set(job, values | {"state": state})
        self._progress(job)

    def _refuse(self, job: ImportJob, code: str, hint: str) -> None:
        row = {"line": 0, "field": "", "code": code, "value": None, "hint": hint}
        rows = [*job.rows, row][:MAX_ROWS]
        self._end(job, "refused", rows=rows, error_count=job.error_count + 1)

    def _end(self, job: ImportJob, state: str, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._database.read() as session:
            mark = read_mark(session)
        self._move(job, state, ended_at=entropy.now(), **values, **mark._asdict())

    def _advance(self, session: Session, job: ImportJob, values: Mapping[str, Any]) -> None:
        expected = {"state": job.state, "next_offset": job.next_offset}
        if not repository.advance(session, job.id, expected, values):
            raise StoppedError


def _set(job: ImportJob, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(job, name, value)


def _progress_values(job: ImportJob, step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {
        "done": job.done + step.count,
        "created": job.created + step.created,
        "changed": job.changed + step.changed,
        "unchanged": job.unchanged + step.unchanged,
        "next_offset": step.end.offset,
        "next_line": step.end.line,
    }
    if step.faults:
        values["rows"] = [*job.rows, *(_row(*fault) for fault in step.faults)][:MAX_ROWS]
        values["error_count"] = job.error_count + len(step.faults)
    return values


def _findings(report: Report) -> dict[str, Any]:
    return {
        "done": report.of,
        "of": report.of,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "error_count": report.error_count,
        "rows": [_row(line, fault) for line, fault in report.faults],
        "unknown_terms": [
            {"vocabulary": vocabulary, "value": value} for vocabulary, value in report.unknown
        ],
    }


def _row(line: int, fault: Fault) -> dict[str, Any]:
    return {"line": line, **fault._asdict()}
