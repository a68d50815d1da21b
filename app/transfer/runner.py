"""The one background thread of a process that sees to imports, one job at a time on a host."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from app.core import entropy
from app.core.database import Database
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.apart import run_apart
from app.transfer.models import ImportJob
from app.transfer.partner import is_worth_a_process
from app.transfer.running import JobRun
from app.transfer.service import import_folder, import_path
from app.transfer.slots import slot
from app.transfer.turns import StoppedError

POLL_SECONDS = 1.0
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
        stopping: threading.Event | None = None,
    ) -> None:
        """Tell `progress` of each job's row whenever it moved; end when `stopping` is set."""
        self._database = database
        self._settings = settings
        self._secrets = secrets
        self._progress = progress or _say_nothing
        self._tidied_at = -TIDY_SECONDS
        self._wake = threading.Event()
        self._stopping = stopping or threading.Event()
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
        job = self._next()
        if job is None:
            return False
        with self._slot() as held:
            if not held:
                return False
            run = JobRun(
                self._database, self._settings, self._secrets, self._keep_going, self._progress
            )
            try:
                run.run(job.id)
            except StoppedError:
                return False
        return True

    def _step_apart(self) -> bool:
        """Have a long job run in a process of its own; False when there is none, or it failed."""
        job = self._next()
        if job is None or not is_worth_a_process(job):
            return False
        with self._slot() as held:
            if not held:
                return False
        # The process takes the place itself, so that it is free only once that process is gone.
        return run_apart(_run_one, self._settings, self._stopping)

    def _slot(self) -> AbstractContextManager[bool]:
        return slot(self._settings.data_dir / "locks", "imports")

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tidy()
                worked = self._step_apart() or self.step()
            except (SQLAlchemyError, OSError):
                # A full disk or a database that is away: the job stays where it is.
                log.exception("imports have to wait")
                worked = False
            if not worked:
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()

    def _next(self) -> ImportJob | None:
        with self._database.read() as session:
            for job_id in repository.open_ids(session):
                # On several hosts over one database each file lies on the host that received it.
                if import_path(self._settings, job_id).exists():
                    return repository.find(session, job_id)
        return None

    def _keep_going(self) -> None:
        if self._stopping.is_set():
            raise StoppedError

    def _tidy(self) -> None:
        """Drop old reports and files that no open job owns."""
        now = time.monotonic()
        if now - self._tidied_at < TIDY_SECONDS:
            return
        self._tidied_at = now
        with self._database.write() as session:
            repository.delete_ended(session, entropy.now() - REPORTS_KEPT)
            waiting = {str(job_id) for job_id in repository.open_ids(session)}
        for path in import_folder(self._settings).iterdir():
            age = time.time() - path.stat().st_mtime
            if path.name not in waiting and age > ORPHANS_KEPT_SECONDS:
                path.unlink(missing_ok=True)


def _run_one(settings: Settings, stopping: threading.Event) -> None:
    """Run the oldest job, in a process of its own."""
    database = Database(settings)
    try:
        Runner(database, settings, load_secrets(settings), stopping=stopping).step()
    finally:
        database.close()


def _say_nothing(_: ImportJob) -> None:
    pass
