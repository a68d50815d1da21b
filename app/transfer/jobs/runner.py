"""Runs the waiting import jobs of a host, one at a time, in a background thread."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from app.core import time_and_random
from app.core.db.database import Database
from app.core.log_config import configure_logging
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.jobs.file_slots import try_slot
from app.transfer.jobs.job import JobRun, OnProgress
from app.transfer.jobs.job_row import JobStoppedError
from app.transfer.jobs.process_policy import is_worth_a_process
from app.transfer.jobs.subprocess_run import run_in_subprocess
from app.transfer.models import ImportJob
from app.transfer.service import import_folder, import_path

POLL_SECONDS = 1.0
# Longer than between polls, since each try of a long job starts processes.
RETRY_SECONDS = 10.0
CLEANUP_SECONDS = 600.0
REPORT_LIFETIME = timedelta(days=7)
ORPHANED_FILE_SECONDS = 3600.0

log = logging.getLogger(__name__)


class ImportRunner:
    """Runs waiting jobs, oldest first: `step` runs one, `start` a thread that runs all.

    The thread runs a long job in a process of its own, so that the job does not compete with
    requests for the interpreter.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: Secrets,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Call `on_progress` with the job whenever its progress changes."""
        self._database = database
        self._settings = settings
        self._secrets = secrets
        self._on_progress = on_progress or _ignore_progress
        self._cleaned_at = -CLEANUP_SECONDS
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="imports", daemon=True)

    def start(self) -> None:
        """Run jobs in the background until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop between two transactions; the next start resumes a job that is not finished."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Check for jobs without waiting for the next poll; callable from any thread."""
        self._wake.set()

    def step(self) -> bool:
        """Run the oldest waiting job whose file is on this host; False when there is none."""
        return self._step(self._run)

    def _step(self, run: Callable[[ImportJob], bool]) -> bool:
        job = self._next_job()
        if job is None:
            return False
        with try_slot(self._settings.data_dir / "locks", "imports") as has_slot:
            return has_slot and run(job)

    def _run(self, job: ImportJob) -> bool:
        return _run_job(
            self._database, self._settings, self._secrets, job.id, self._stopping, self._on_progress
        )

    def _run_in_background(self, job: ImportJob) -> bool:
        """Run a long job in a process of its own, a short one in this thread."""
        if is_worth_a_process(job):
            argument = (self._settings, job.id)
            if run_in_subprocess(_run_in_process, argument, self._stopping):
                return True
        return self._run(job)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            wait_seconds = POLL_SECONDS
            try:
                self._clean_up()
                did_run = self._step(self._run_in_background)
            except (SQLAlchemyError, OSError):
                # A full disk, or a database that cannot be reached: the job keeps its state.
                log.exception("imports are delayed by an error")
                did_run, wait_seconds = False, RETRY_SECONDS
            if not did_run:
                self._wake.wait(wait_seconds)
                self._wake.clear()

    def _next_job(self) -> ImportJob | None:
        with self._database.read() as session:
            for job_id in repository.open_ids(session):
                # With several hosts on one database, each has the files that it received.
                if import_path(self._settings, job_id).exists():
                    return repository.find(session, job_id)
        return None

    def _clean_up(self) -> None:
        """Delete old reports, and files that belong to no open job."""
        now = time.monotonic()
        if now - self._cleaned_at < CLEANUP_SECONDS:
            return
        self._cleaned_at = now
        with self._database.write() as session:
            repository.delete_ended(session, time_and_random.now() - REPORT_LIFETIME)
            open_names = {str(job_id) for job_id in repository.open_ids(session)}
        for path in import_folder(self._settings).iterdir():
            age = time.time() - path.stat().st_mtime
            if path.name not in open_names and age > ORPHANED_FILE_SECONDS:
                path.unlink(missing_ok=True)


def _run_job(  # noqa: PLR0913, PLR0917 - everything that a run needs
    database: Database,
    settings: Settings,
    secrets: Secrets,
    job_id: UUID,
    stopping: threading.Event,
    on_progress: OnProgress,
) -> bool:
    """Run a job; return False when another run has to resume it."""

    def check_stopped() -> None:
        if stopping.is_set():
            raise JobStoppedError

    try:
        JobRun(database, settings, secrets, check_stopped, on_progress).run(job_id)
    except JobStoppedError:
        return False
    return True


def _run_in_process(argument: tuple[Settings, UUID], stopping: threading.Event) -> None:
    """Run a job in a process of its own."""
    settings, job_id = argument
    configure_logging(settings)
    database = Database(settings)
    try:
        secrets = load_secrets(settings)
        _run_job(database, settings, secrets, job_id, stopping, _ignore_progress)
    finally:
        database.close()


def _ignore_progress(_: ImportJob) -> None:
    pass
