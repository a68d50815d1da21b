"""The loop that processes enqueued tasks, one batch after another."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from tests.support.meili.errors import MeiliError
from tests.support.meili.faults import Faults
from tests.support.meili.state import ServerState
from tests.support.meili.tasks.apply import BatchResult, apply_tasks
from tests.support.meili.tasks.batching import next_tasks
from tests.support.meili.tasks.task import FINISHED_STATUSES, Batch, Task
from tests.support.meili.times import now_ns


class Scheduler:
    """Processes the tasks of a state, which is replaced when the server is wiped or restored.

    `lock` protects the state. `snapshot` and `dump` are the latest ones that tasks made.
    """

    def __init__(self, faults: Faults, batch_seconds: float) -> None:
        self.state = ServerState()
        self.lock = threading.RLock()
        self.faults = faults
        self.batch_seconds = batch_seconds
        self.snapshot: ServerState | None = None
        self.dump: ServerState | None = None
        self._aborted: Batch | None = None
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        faults.on_change = self.wake

    def wake(self) -> None:
        """Make the loop check for tasks and faults; callable from every thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Process tasks until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            while batch := self._next_batch():
                await self._process(batch)
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def _next_batch(self) -> Batch | None:
        with self.lock:
            if self.faults.hold_tasks:
                return None
            tasks = next_tasks(self.state.tasks, self.state.indexes)
            if not tasks:
                return None
            batch = Batch(self.state.next_batch_uid(), tasks, now_ns())
            self.state.batches[batch.uid] = batch
            for task in tasks:
                task.status, task.batch, task.started_at = "processing", batch.uid, batch.started_at
            return batch

    async def _process(self, batch: Batch) -> None:
        await asyncio.sleep(self.batch_seconds)
        while self.faults.stall_batches and self._may_continue(batch):
            await self._wait_for_change()
        with self.lock:
            if not self._may_continue(batch):
                return
            if self.faults.consume("failing_batches"):
                error = MeiliError("internal", "An internal error has occurred. `a test fault`.")
                self._finish(batch, dict.fromkeys((task.uid for task in batch.tasks), error))
                return
            handler = HANDLERS.get(batch.tasks[0].kind)
            if handler is not None:
                handler(self, batch)
                return
            uid = str(batch.tasks[0].index_uid)
            index, existing_uids = self.state.indexes.get(uid), set(self.state.indexes)
        result = await asyncio.to_thread(apply_tasks, uid, index, batch.tasks, existing_uids)
        with self.lock:
            if self._may_continue(batch):
                self._commit(batch, result)

    def _may_continue(self, batch: Batch) -> bool:
        """Return whether a batch was neither aborted nor part of a state that was replaced."""
        with self.lock:
            if self.state.batches.get(batch.uid) is not batch:
                return False
            if self._aborted is batch:
                self._aborted = None
                self.state.requeue()
                return False
            return True

    def abort(self, tasks: set[int]) -> None:
        """Abort the batch that contains any of the tasks; its other tasks are processed again."""
        for batch in self.state.batches.values():
            if batch.finished_at is None and any(task.uid in tasks for task in batch.tasks):
                self._aborted = batch

    def _commit(self, batch: Batch, result: BatchResult) -> None:
        if result.index is None:
            self.state.indexes.pop(result.uid, None)
        else:
            self.state.indexes.pop(result.uid, None)
            self.state.indexes[result.new_uid or result.uid] = result.index
        for task in batch.tasks:
            task.details.update(result.details.get(task.uid, {}))
        self._finish(batch, result.errors)

    def _finish(self, batch: Batch, errors: dict[int, MeiliError]) -> None:
        batch.finished_at = now_ns()
        for task in batch.tasks:
            error = errors.get(task.uid)
            task.finish("failed" if error else "succeeded", batch.finished_at, error)

    # Tasks that concern other tasks, several indexes or all of them

    def _cancel(self, batch: Batch) -> None:
        task = batch.tasks[0]
        canceled = [
            other
            for uid in sorted(task.content)
            if (other := self.state.tasks.get(uid)) and other.status == "enqueued"
        ]
        task.details["canceledTasks"] = len(canceled)
        self._finish(batch, {})
        for other in canceled:
            other.batch, other.canceled_by = batch.uid, task.uid
            other.started_at = batch.started_at
            other.finish("canceled", batch.finished_at or now_ns())

    def _delete_tasks(self, batch: Batch) -> None:
        for task in batch.tasks:
            deleted = [
                uid
                for uid in task.content
                if uid in self.state.tasks and self.state.tasks[uid].status in FINISHED_STATUSES
            ]
            for uid in deleted:
                del self.state.tasks[uid]
            task.details["deletedTasks"] = len(deleted)
        self._finish(batch, {})

    def _swap(self, batch: Batch) -> None:
        task = batch.tasks[0]
        error = self._swap_error(task.content)
        for swap in [] if error else task.content:
            left, right = swap["indexes"]
            indexes = self.state.indexes
            left_index, right_index = indexes.pop(left), indexes.pop(right, None)
            indexes[right] = left_index
            if right_index is not None:
                indexes[left] = right_index
            for earlier in self.state.tasks.values():
                if earlier.uid < task.uid and earlier.index_uid in (left, right):
                    earlier.index_uid = right if earlier.index_uid == left else left
        self._finish(batch, {task.uid: error} if error else {})

    def _swap_error(self, swaps: list[dict[str, Any]]) -> MeiliError | None:
        for swap in swaps:
            left, right = swap["indexes"]
            if swap["rename"] and right in self.state.indexes:
                message = (
                    f"Cannot rename `{left}` to `{right}` as the index already exists. "
                    "Hint: You can remove `rename: true` to swap the indexes instead."
                )
                return MeiliError("index_already_exists", message)
            needed = [left] if swap["rename"] else [left, right]
            missing = [f"`{uid}`" for uid in needed if uid not in self.state.indexes]
            if missing:
                noun = "Indexes" if len(missing) > 1 else "Index"
                message = f"{noun} {', '.join(missing)} not found."
                return MeiliError("index_not_found", message)
        return None

    def _snapshot(self, batch: Batch) -> None:
        self.snapshot = self.state.copy(without=batch.tasks[0])
        self._finish(batch, {})

    def _dump(self, batch: Batch) -> None:
        task: Task = batch.tasks[0]
        self.dump = self.state.copy_for_dump(task)
        seconds, nanoseconds = divmod(now_ns(), 1_000_000_000)
        task.details["dumpUid"] = f"{seconds}-{nanoseconds // 1_000_000:09d}"
        self._finish(batch, {})


HANDLERS: dict[str, Callable[[Scheduler, Batch], None]] = {
    "taskCancelation": Scheduler._cancel,
    "taskDeletion": Scheduler._delete_tasks,
    "indexSwap": Scheduler._swap,
    "snapshotCreation": Scheduler._snapshot,
    "dumpCreation": Scheduler._dump,
}
