"""One run of one import job, from wherever it stands to its end."""

import itertools
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
from app.transfer.jobs.apply_phase import MAX_ROWS, Applier, advance, row_value, set_values
from app.transfer.jobs.check_phase import Checker, Report
from app.transfer.jobs.helper_process import Partner, rarely_collecting, wants_partner
from app.transfer.jobs.step_turns import Alone, PartnerLostError, StoppedError
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.permissions import lost_right
from app.transfer.rows.context import Context, load_context
from app.transfer.rows.term_lookup import create_terms
from app.transfer.service import import_path

log = logging.getLogger(__name__)

ATTEMPTS = 5
# A full disk or a database that is away: worth another try later.
PASSING = (OperationalError, InterfaceError, PoolTimeoutError, OSError)

Progress = Callable[[ImportJob], None]


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
        self._partner: Partner | None = None

    def run(self, job_id: UUID) -> None:
        """Run the job to its end; StoppedError when it has to go on elsewhere or later."""
        job = self._look(job_id)
        if job is None or job.state not in OPEN_STATES:
            return
        path = import_path(self._settings, job_id)
        if wants_partner(self._settings, job):
            self._partner = Partner(self._settings, job_id)
        try:
            with rarely_collecting():
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
        finally:
            self._part()
        path.unlink(missing_ok=True)

    def _check(self, job: ImportJob, path: Path) -> None:
        self._move(job, "checking", done=0)
        context = self._context(job)
        if context is None:
            self._refuse(job, "not_found", "The bank does not exist any more.")
            return
        report = self._report(job, path, context)
        values = _findings(report)
        if report.error_count:
            self._end(job, "refused", **values)
        elif job.dry_run:
            self._end(job, "done", **values)
        else:
            self._start_applying(job, report, values)

    def _report(self, job: ImportJob, path: Path, context: Context) -> Report:
        def checked(done: int) -> None:
            self._keep_going()
            job.done = done
            self._progress(job)

        with path.open("rb") as file:
            checker = Checker(self._database, context, file)
            try:
                if self._partner is None:
                    report = checker.run(itertools.count(), checked)
                else:
                    report = checker.run(self._partner.claims(), checked)
                    report.update(self._partner.report())
            except PartnerLostError:
                self._part()
                report = checker.run(itertools.count(), checked)
        report.finish()
        return report

    def _start_applying(self, job: ImportJob, report: Report, values: dict[str, Any]) -> None:
        with self._database.read() as session:
            lost = lost_right(session, job)
        if lost is not None:
            self._refuse(job, "missing_scope", f"The key no longer has the scope {lost}.")
            return
        values |= {"state": "applying", "done": 0, "created": 0, "changed": 0, "unchanged": 0}
        with self._database.write() as session:
            advance(session, job, values)
            create_terms(session, report.unknown)
        set_values(job, values)
        self._progress(job)

    def _apply(self, job: ImportJob, path: Path) -> None:
        failures = 0
        while True:
            place = job.next_offset
            try:
                if self._apply_rest(job, path):
                    self._end(job, "done")
            except (IntegrityError, PartnerLostError):
                # Somebody made one of these questions, or removed a term, since it was looked at:
                # from here on everything is looked at anew, and by this process alone.
                self._part()
                self._catch_up(job)
                failures = failures + 1 if job.next_offset == place else 1
                if failures == ATTEMPTS:
                    raise
            else:
                return

    def _apply_rest(self, job: ImportJob, path: Path) -> bool:
        """Apply what is left; False when the job was refused instead."""
        context = self._context(job)
        if context is None:
            self._refuse(job, "not_found", "The bank does not exist any more.")
            return False

        def between() -> None:
            self._progress(job)
            if self._partner is None:
                # With a partner it is the other one's turn to write, and others come between.
                self._stand_back()
            self._keep_going()

        self._keep_going()
        turns = Alone() if self._partner is None else self._partner.apply(job)
        with path.open("rb") as file:
            Applier(self._database, self._secrets, context, file).run(job, turns, between)
        return True

    def _part(self) -> None:
        """Go on alone."""
        if self._partner is not None:
            self._partner.end()
            self._partner = None

    def _look(self, job_id: UUID) -> ImportJob | None:
        with self._database.read() as session:
            return repository.find(session, job_id)

    def _catch_up(self, job: ImportJob) -> None:
        """Read where the job stands: the partner may have moved it without a word."""
        found = self._look(job.id)
        if found is None:
            raise StoppedError
        set_values(job, found.model_dump())

    def _stand_back(self) -> None:
        if self._database.write_lock is not None:
            self._database.write_lock.stand_back()

    def _context(self, job: ImportJob) -> Context | None:
        with self._database.read() as session:
            return load_context(session, job)

    def _move(self, job: ImportJob, state: str, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._database.write() as session:
            advance(session, job, values | {"state": state})
        set_values(job, values | {"state": state})
        self._progress(job)

    def _refuse(self, job: ImportJob, code: str, hint: str) -> None:
        row = {"line": 0, "field": "", "code": code, "value": None, "hint": hint}
        rows = [*job.rows, row][:MAX_ROWS]
        self._end(job, "refused", rows=rows, error_count=job.error_count + 1)

    def _end(self, job: ImportJob, state: str, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._database.read() as session:
            mark = read_mark(session)
        self._move(job, state, ended_at=time_and_random.now(), **values, **mark._asdict())


def _findings(report: Report) -> dict[str, Any]:
    return {
        "done": report.of,
        "of": report.of,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "error_count": report.error_count,
        "rows": [row_value(line, fault) for line, fault in report.faults],
        "unknown_terms": [
            {"vocabulary": vocabulary, "value": value} for vocabulary, value in report.unknown
        ],
    }
