"""The part of a `BatchPool` that runs in its worker process."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from app.core.db.database import Database
from app.core.log_config import configure_logging
from app.core.secrets import Secrets, load_secrets
from app.core.settings import Settings
from app.transfer import repository
from app.transfer.formats.rows import RawRow
from app.transfer.rows.context import ImportContext, load_context

# More objects than a batch of a thousand rows keeps alive.
GC_THRESHOLD = 300_000

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class BatchTask(Protocol[R_co]):
    """The work on one batch; each process creates a task of its own with the same arguments."""

    def __init__(self, database: Database, secrets: Secrets, context: ImportContext) -> None:
        """Store what the task needs to process batches."""

    def __call__(self, batch: list[RawRow]) -> R_co:
        """Return the result, which must be picklable."""


@dataclass(slots=True)
class _Worker:
    """The state of the worker process; `run` is the call of `BatchPool.map` that `task` serves."""

    database: Database
    secrets: Secrets
    job_id: UUID
    run: int = 0
    task: Any = None


_worker: _Worker | None = None


def initialize(settings: Settings, job_id: UUID) -> None:
    """Prepare the worker process; it ends when its parent process ends."""
    global _worker  # noqa: PLW0603 - an executor keeps no other state between its calls
    configure_logging(settings)
    # Ctrl+C stops the parent process, which then stops this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, name="exit-with-parent", daemon=True).start()
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    _worker = _Worker(Database(settings), load_secrets(settings), job_id)


def process(run: int, task_type: type[BatchTask[R]], batch: list[RawRow]) -> R:
    """Process one batch; the first batch of each run reads the bank and its terms again."""
    if _worker is None:
        message = "the worker process was not initialized"
        raise RuntimeError(message)
    if _worker.run != run:
        with _worker.database.read() as session:
            job = repository.find(session, _worker.job_id)
            context = load_context(session, job) if job is not None else None
        if context is None:
            message = "the import or its bank was deleted"
            raise LookupError(message)
        _worker.task = task_type(_worker.database, _worker.secrets, context)
        _worker.run = run
    result: R = _worker.task(batch)
    return result


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Run the cyclic garbage collector less often while the block runs."""
    # Rows have no reference cycles, so searching for cycles wastes time.
    before = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
