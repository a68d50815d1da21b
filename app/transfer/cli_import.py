"""Imports files from the command line, as jobs that this process runs itself."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core import time_and_random
from app.core.db.database import Database
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.jobs.job import OnProgress
from app.transfer.jobs.runner import ImportRunner
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.service import ImportOptions, accept_file, import_folder

POLL_SECONDS = 0.1


def import_file(  # noqa: PLR0913, PLR0917 - everything that an import needs
    database: Database,
    settings: Settings,
    secrets: Secrets,
    path: Path,
    options: ImportOptions,
    on_progress: OnProgress | None = None,
) -> ImportJob:
    """Import a file and return its job with the report.

    `on_progress` is called with the job whenever its progress changes. If this process is killed,
    the next start of the service, or the next import, resumes the job. Problem invalid_request for
    a header with errors.
    """
    with staged(settings, path) as incoming, database.write() as session:
        job = accept_file(session, settings, incoming, options, None)
    return run_job(database, settings, secrets, job, on_progress)


@contextmanager
def staged(settings: Settings, path: Path) -> Iterator[Path]:
    """Give a copy of a file, synced to disk; at the end, delete it if it was not accepted."""
    incoming = import_folder(settings) / f"{time_and_random.uuid7()}.part"
    try:
        with path.open("rb") as source, incoming.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        yield incoming
    finally:
        incoming.unlink(missing_ok=True)


def run_job(
    database: Database,
    settings: Settings,
    secrets: Secrets,
    job: ImportJob,
    on_progress: OnProgress | None = None,
) -> ImportJob:
    """Run waiting jobs until this one has ended, and return it."""
    runner = ImportRunner(database, settings, secrets, on_progress)
    while job.state in OPEN_STATES:
        # A serving process may run the job; then only wait for its end.
        if not runner.step():
            time.sleep(POLL_SECONDS)
        with database.read() as session:
            job = repository.find(session, job.id) or job
        if on_progress is not None:
            on_progress(job)
    return job
