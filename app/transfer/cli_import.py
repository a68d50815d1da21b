"""Imports files from the command line: the same jobs as everyone's, run here and now."""

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
from app.transfer.jobs.runner import Progress, Runner
from app.transfer.models import OPEN_STATES, ImportJob
from app.transfer.service import ImportOptions, accept_file, import_folder

LOOK_SECONDS = 0.1


def import_file(  # noqa: PLR0913, PLR0917 - what the command line has in hand
    database: Database,
    settings: Settings,
    secrets: Secrets,
    path: Path,
    options: ImportOptions,
    progress: Progress | None = None,
) -> ImportJob:
    """Import a file to its end and return its job, which says what happened.

    `progress` is told the job's row whenever it moved. Killed, the job goes on when the service
    starts next, or with the next import. Problem invalid_request for a header that cannot be used.
    """
    with staged(settings, path) as incoming, database.write() as session:
        job = accept_file(session, settings, incoming, options, None)
    return run_job(database, settings, secrets, job, progress)


@contextmanager
def staged(settings: Settings, path: Path) -> Iterator[Path]:
    """Give a durable copy of a file, ready to be accepted; what was not accepted is removed."""
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
    progress: Progress | None = None,
) -> ImportJob:
    """Run jobs until this one has ended, and return it as it then is."""
    runner = Runner(database, settings, secrets, progress)
    while job.state in OPEN_STATES:
        # A serving process may have taken the job; then this one only watches.
        if not runner.step():
            time.sleep(LOOK_SECONDS)
        with database.read() as session:
            job = repository.find(session, job.id) or job
        if progress is not None:
            progress(job)
    return job
