"""The one background thread of a process that sees to imports, one job at a time on a host."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from app.core import time_and_random
from app.core.db.database import Database
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.jobs.file_slots import slot
from app.transfer.jobs.helper_process import is_worth_a_process
from app.transfer.jobs.job import JobRun
from app.transfer.jobs.step_turns import StoppedError
from app.transfer.jobs.subprocess_run import run_apart
from app.transfer.models import ImportJob
from app.transfer.service import import_folder, import_path

POLL_SECONDS = 1.0
# Each try of a long job starts processes.
RETRY_SECONDS = 10.0
TIDY_SECONDS = 600.0
REPORTS_KEPT = timedelta(days=7)
ORPHANS_KEPT_SECONDS = 3600.0

Progress = Callable[[ImportJob], None]

log = logging.getLogger(__name__)


class Runner:
    """Takes waiting jobs, oldest first; `step` runs one, `start` a thread that sees to all.

    That thread leaves long ones to a process of their own: whoever serves would have to share the
    interpreter with them.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: Secrets,
        progress: Progress | None = None,
    ) -> None:
        """Tell `progress` of each job's row whenever it moved."""
        self._database = database
        self._settings = settings
        self._secrets = secrets
        self._progress = progress or _say_nothing
        self._tidied_at = -TIDY_SECONDS
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="imports", daemon=True)

    def start(self) -> None:
        """Run jobs in the background until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop between two transactions; a job that runs goes on at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def nudge(self) -> None:
        """Look for jobs at once; from any thread."""
        self._wake.set()

    def step(self) -> bool:
        """Run the oldest waiting job whose file is here; False when there is nothing to do."""
        return self._step(self._run)

    def _step(self, run: Callable[[ImportJob], bool]) -> bool:
        job = self._next()
        if job is None:
            return False
        with slot(self._settings.data_dir / "locks", "imports") as held:
            return held and run(job)

    def _run(self, job: ImportJob) -> bool:
        return _run_job(
            self._database, self._settings, self._secrets, job.id, self._stopping, self._progress
        )

    def _run_long_apart(self, job: ImportJob) -> bool:
        """Run a long job in a process of its own, any other one here."""
        if is_worth_a_process(job) and run_apart(_serve, (self._settings, job.id), self._stopping):
            return True
        return self._run(job)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            wait = POLL_SECONDS
            try:
                self._tidy()
                worked = self._step(self._run_long_apart)
            except (SQLAlchemyError, OSError):
                # A full disk or a database that is away: the job stays where it is.
                log.exception("imports have to wait")
                worked, wait = False, RETRY_SECONDS
            if not worked:
                self._wake.wait(wait)
                self._wake.clear()

    def _next(self) -> ImportJob | None:
        with self._database.read() as session:
            for job_id in repository.open_ids(session):
                # On several hosts over one database each file lies on the host that received it.
                if import_path(self._settings, job_id).exists():
                    return repository.find(session, job_id)
        return None

    def _tidy(self) -> None:
        """Drop old reports and files that no open job owns."""
        now = time.monotonic()
        if now - self._tidied_at < TIDY_SECONDS:
            return
        self._tidied_at = now
        with self._database.write() as session:
            repository.delete_ended(session, time_and_random.now() - REPORTS_KEPT)
            waiting = {str(job_id) for job_id in repository.open_ids(session)}
        for path in import_folder(self._settings).iterdir():
            age = time.time() - path.stat().st_mtime
            if path.name not in waiting and age > ORPHANS_KEPT_SECONDS:
                path.unlink(missing_ok=True)


def _run_job(  # noqa: PLR0913, PLR0917 - all that a run needs
    database: Database,
    settings: Settings,
    secrets: Secrets,
    job_id: UUID,
    stopping: threading.Event,
    progress: Progress,
) -> bool:
    """Run a job; False where it has to go on elsewhere or later."""

    def keep_going() -> None:
        if stopping.is_set():
            raise StoppedError

    try:
        JobRun(database, settings, secrets, keep_going, progress).run(job_id)
    except StoppedError:
        return False
    return True


def _serve(given: tuple[Settings, UUID], stopping: threading.Event) -> None:
    """Run a job in a process of its own."""
    settings, job_id = given
    database = Database(settings)
    try:
        _run_job(database, settings, load_secrets(settings), job_id, stopping, _say_nothing)
    finally:
        database.close()


def _say_nothing(_: ImportJob) -> None:
    pass
