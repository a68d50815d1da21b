"""Processes the batches of an import in two processes and yields the results in file order."""

import logging
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from app.core.settings import Settings
from app.transfer.formats.rows import RawRow
from app.transfer.jobs.batch_worker import BatchTask, initialize, process

# The worker process has one batch in work and a second one waiting, so that it is never idle.
WORKER_BATCHES = 2
# Bounds the memory of results that wait for the result of an earlier batch.
MAX_PENDING_BATCHES = 6

log = logging.getLogger(__name__)

R = TypeVar("R")


class BatchPool:
    """A worker process that takes a part of the batches; the calling process takes the others.

    The worker process only reads the database. If it fails, the calling process does all the work.
    """

    def __init__(self, settings: Settings, job_id: UUID) -> None:
        """Start the worker process; until it is ready, `map` does not wait for it."""
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(1, context, initialize, (settings, job_id))
        self._ready = self._executor.submit(int)
        self._is_usable = True
        self._runs = 0

    def map(
        self, task: BatchTask[R], batches: Iterable[list[RawRow]]
    ) -> Iterator[tuple[list[RawRow], R]]:
        """Yield each batch with what `task` returns for it, in order."""
        self._runs += 1
        waiting = iter(batches)
        pending: deque[_Pending[R]] = deque()
        try:
            while True:
                while self._has_room(pending) and (batch := next(waiting, None)) is not None:
                    pending.append(_Pending(batch, self._submit(task, batch)))
                is_next_done = bool(pending) and pending[0].result.done()
                if is_next_done or len(pending) == MAX_PENDING_BATCHES:
                    yield self._completed(task, pending.popleft())
                elif (batch := next(waiting, None)) is not None:
                    # The worker process has enough to do: process this batch here.
                    pending.append(_Pending(batch, _finished(task(batch))))
                elif pending:
                    yield self._completed(task, pending.popleft())
                else:
                    return
        finally:
            for entry in pending:
                entry.result.cancel()

    def close(self) -> None:
        """Stop the worker process as soon as its current batch is done."""
        self._executor.shutdown(cancel_futures=True)

    def _has_room(self, pending: "deque[_Pending[R]]") -> bool:
        running = sum(1 for entry in pending if not entry.result.done())
        has_room = running < WORKER_BATCHES and len(pending) < MAX_PENDING_BATCHES
        return has_room and self._is_usable and self._ready.done()

    def _submit(self, task: BatchTask[R], batch: list[RawRow]) -> "Future[R]":
        try:
            return self._executor.submit(process, self._runs, type(task), batch)
        except BrokenProcessPool as error:
            failed: Future[R] = Future()
            failed.set_exception(error)
            return failed

    def _completed(self, task: BatchTask[R], entry: "_Pending[R]") -> tuple[list[RawRow], R]:
        try:
            return entry.batch, entry.result.result()
        except Exception:
            if self._is_usable:
                log.warning("the worker process of an import failed", exc_info=True)
                self._is_usable = False
            # An error that is not the worker's own is raised again here.
            return entry.batch, task(entry.batch)


class _Pending(NamedTuple, Generic[R]):
    batch: list[RawRow]
    result: "Future[R]"


def _finished(result: R) -> "Future[R]":
    future: Future[R] = Future()
    future.set_result(result)
    return future


def process_batches(
    task: BatchTask[R], batches: Iterable[list[RawRow]], pool: BatchPool | None
) -> Iterator[tuple[list[RawRow], R]]:
    """Yield each batch with what `task` returns for it, in order; without a pool, process here."""
    if pool is not None:
        return pool.map(task, batches)
    return ((batch, task(batch)) for batch in batches)
