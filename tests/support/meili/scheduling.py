"""The one loop that takes enqueued tasks, batch after batch, and does them."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from tests.support.meili.applying import Outcome, apply_tasks
from tests.support.meili.batching import next_tasks
from tests.support.meili.errors import MeiliError
from tests.support.meili.faults import Faults
from tests.support.meili.moments import now
from tests.support.meili.state import State
from tests.support.meili.tasks import FINISHED, Batch, Task


class Scheduler:
    """Does tasks of a state; `state` is replaced when the server is wiped or restored."""

    def __init__(self, faults: Faults, seconds: float) -> None:
        self.state = State()
        self.lock = threading.RLock()
        self.faults = faults
        self.seconds = seconds
        self.snapshot: State | None = None
        self.dump: State | None = None
        self._aborted: Batch | None = None
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        faults.changed = self.wake

    def wake(self) -> None:
        """Have the loop look again; callable from every thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Do tasks until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            while batch := self._take():
                await self._process(batch)
            await self._change()

    async def _change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def _take(self) -> Batch | None:
        with self.lock:
            if self.faults.hold:
                return None
            tasks = next_tasks(self.state.tasks, self.state.indexes)
            if not tasks:
                return None
            batch = Batch(self.state.next_batch(), tasks, now())
            self.state.batches[batch.uid] = batch
            for task in tasks:
                task.status, task.batch, task.started_at = "processing", batch.uid, batch.started_at
            return batch

    async def _process(self, batch: Batch) -> None:
        await asyncio.sleep(self.seconds)
        while self.faults.stall and self._current(batch):
            await self._change()
        with self.lock:
            if not self._current(batch):
                return
            if self.faults.take("failing_batches"):
                error = MeiliError("internal", "An internal error has occurred. `told to fail`.")
                self._finish(batch, dict.fromkeys((task.uid for task in batch.tasks), error))
                return
            special = SPECIAL.get(batch.tasks[0].kind)
            if special is not None:
                special(self, batch)
                return
            uid = str(batch.tasks[0].index_uid)
            index, taken = self.state.indexes.get(uid), set(self.state.indexes)
        outcome = await asyncio.to_thread(apply_tasks, uid, index, batch.tasks, taken)
        with self.lock:
            if self._current(batch):
                self._commit(batch, outcome)

    def _current(self, batch: Batch) -> bool:
        """Tell whether a batch may go on: neither aborted nor of a state that is gone."""
        with self.lock:
            if self.state.batches.get(batch.uid) is not batch:
                return False
            if self._aborted is batch:
                self._aborted = None
                self.state.requeue()
                return False
            return True

    def abort(self, tasks: set[int]) -> None:
        """Stop the batch that holds one of the tasks; it is taken up again without them."""
        for batch in self.state.batches.values():
            if batch.finished_at is None and any(task.uid in tasks for task in batch.tasks):
                self._aborted = batch

    def _commit(self, batch: Batch, outcome: Outcome) -> None:
        if outcome.index is None:
            self.state.indexes.pop(outcome.uid, None)
        else:
            self.state.indexes.pop(outcome.uid, None)
            self.state.indexes[outcome.renamed or outcome.uid] = outcome.index
        for task in batch.tasks:
            task.details.update(outcome.details.get(task.uid, {}))
        self._finish(batch, outcome.errors)

    def _finish(self, batch: Batch, errors: dict[int, MeiliError]) -> None:
        batch.finished_at = now()
        for task in batch.tasks:
            error = errors.get(task.uid)
            task.finish("failed" if error else "succeeded", batch.finished_at, error)

    # Tasks that are about other tasks, several indexes or all of them

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
            other.finish("canceled", batch.finished_at or now())

    def _forget(self, batch: Batch) -> None:
        for task in batch.tasks:
            gone = [
                uid
                for uid in task.content
                if uid in self.state.tasks and self.state.tasks[uid].status in FINISHED
            ]
            for uid in gone:
                del self.state.tasks[uid]
            task.details["deletedTasks"] = len(gone)
        self._finish(batch, {})

    def _swap(self, batch: Batch) -> None:
        task = batch.tasks[0]
        error = self._swap_trouble(task.content)
        for swap in [] if error else task.content:
            left, right = swap["indexes"]
            indexes = self.state.indexes
            one, other = indexes.pop(left), indexes.pop(right, None)
            indexes[right] = one
            if other is not None:
                indexes[left] = other
            for earlier in self.state.tasks.values():
                if earlier.uid < task.uid and earlier.index_uid in (left, right):
                    earlier.index_uid = right if earlier.index_uid == left else left
        self._finish(batch, {task.uid: error} if error else {})

    def _swap_trouble(self, swaps: list[dict[str, Any]]) -> MeiliError | None:
        for swap in swaps:
            left, right = swap["indexes"]
            if swap["rename"] and right in self.state.indexes:
                message = (
                    f"Cannot rename `{left}` to `{right}` as the index already exists. "
                    "Hint: You can remove `rename: true` to swap the indexes instead."
                )
                return MeiliError("index_already_exists", message)
            wanted = [left] if swap["rename"] else [left, right]
            missing = [f"`{uid}`" for uid in wanted if uid not in self.state.indexes]
            if missing:
                many = "Indexes" if len(missing) > 1 else "Index"
                message = f"{many} {', '.join(missing)} not found."
                return MeiliError("index_not_found", message)
        return None

    def _snapshot(self, batch: Batch) -> None:
        self.snapshot = self.state.copied(without=batch.tasks[0])
        self._finish(batch, {})

    def _dump(self, batch: Batch) -> None:
        task: Task = batch.tasks[0]
        self.dump = self.state.dumped(task)
        seconds, rest = divmod(now(), 1_000_000_000)
        task.details["dumpUid"] = f"{seconds}-{rest // 1_000_000:09d}"
        self._finish(batch, {})


SPECIAL: dict[str, Callable[[Scheduler, Batch], None]] = {
    "taskCancelation": Scheduler._cancel,
    "taskDeletion": Scheduler._forget,
    "indexSwap": Scheduler._swap,
    "snapshotCreation": Scheduler._snapshot,
    "dumpCreation": Scheduler._dump,
}
