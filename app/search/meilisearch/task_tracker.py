"""Tracks the tasks in flight: those that the server has accepted and not finished.

Takes each enqueued task with a callback; calls it once, when the task has finished.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.search.meilisearch.batches import Batch
from app.search.meilisearch.client import AdminClient, EnqueuedTask, Task
from app.search.meilisearch.failures import FailureKind, ServerError, task_failure
from app.search.meilisearch.timings import Timings

TASKS_PER_REQUEST = 100

OnFinished = Callable[[ServerError | None], None]


@dataclass(slots=True, eq=False)
class InFlight:
    """One request in flight: its unfinished tasks by uid, each with the time of its enqueueing.

    `on_finished` is called with the last error, or None, when every task has finished. `batch` is
    the batch that was sent, None for requests about an index.
    """

    tasks: dict[int, str]
    on_finished: OnFinished
    batch: Batch | None = None
    error: ServerError | None = None


@dataclass(slots=True)
class ServerSignals:
    """What requests and tasks have revealed about the server, for the server watch.

    `check_due`: check the server as soon as possible. `rolled_back`: the server has returned to an
    older state, so acknowledged documents may be missing. `late_request_possible`: a response was
    lost, so the server may still accept that request later. `storage_full`: it has no space left.
    """

    check_due: bool = False
    rolled_back: bool = False
    late_request_possible: bool = False
    storage_full: bool = False


class TaskTracker:
    """Polls the server for the tasks in flight."""

    def __init__(self, client: AdminClient, timings: Timings, signals: ServerSignals) -> None:
        """Start with nothing in flight."""
        self._client = client
        self._timings = timings
        self._signals = signals
        self._polled_at = 0.0
        self._poll_interval = timings.task_poll_seconds
        self._last_uid = -1
        self.requests: list[InFlight] = []

    def track(
        self, tasks: list[EnqueuedTask], on_finished: OnFinished, batch: Batch | None = None
    ) -> None:
        """Call `on_finished` when all tasks of a request have finished."""
        self.requests.append(
            InFlight({task.uid: task.enqueued_at for task in tasks}, on_finished, batch)
        )

    def record(self, task: EnqueuedTask) -> EnqueuedTask:
        """Note a task as soon as it was enqueued, and poll soon; return the task."""
        # Uids only grow, unless the server was restored to an older state.
        if task.uid <= self._last_uid:
            self._signals.rolled_back = True
        self._last_uid = task.uid
        self._polled_at = time.monotonic()
        self._poll_interval = self._timings.task_poll_seconds
        return task

    def discard(self, index: str) -> None:
        """Forget the batches in flight to an index; their callbacks are not called."""
        for request in list(self.requests):
            if request.batch is not None and request.batch.index == index:
                self.requests.remove(request)
                request.batch.acknowledgement.pending -= 1

    def poll(self) -> bool:
        """Read the tasks if it is time to, and call back; return whether any request finished."""
        now = time.monotonic()
        if not self.requests or now - self._polled_at < self._poll_interval:
            return False
        self._polled_at = now
        tasks = self._read_tasks()
        finished = [request for request in self.requests if self._is_finished(request, tasks)]
        self._poll_interval = (
            self._timings.task_poll_seconds
            if finished
            else min(self._poll_interval * 2, self._timings.task_poll_max_seconds)
        )
        for request in finished:
            self.requests.remove(request)
        for request in finished:
            request.on_finished(request.error)
        return bool(finished)

    def _read_tasks(self) -> dict[int, Task]:
        uids = [uid for request in self.requests for uid in request.tasks]
        tasks: dict[int, Task] = {}
        for start in range(0, len(uids), TASKS_PER_REQUEST):
            tasks |= self._client.get_tasks(uids[start : start + TASKS_PER_REQUEST])
        return tasks

    def _is_finished(self, request: InFlight, tasks: dict[int, Task]) -> bool:
        for uid, enqueued_at in list(request.tasks.items()):
            task = tasks.get(uid)
            if task is None or task.enqueued_at != enqueued_at:
                request.error = ServerError(
                    FailureKind.TASK_MISSING, "task_not_found", f"task {uid}"
                )
                request.tasks.clear()
                break
            if not task.is_finished:
                continue
            del request.tasks[uid]
            if task.status == "failed":
                request.error = task_failure(task.error or {})
            elif task.status == "canceled":
                request.error = ServerError(
                    FailureKind.UNAVAILABLE, "canceled", f"task {uid} was canceled"
                )
        return not request.tasks
