"""The state that the fake server stores, and the copies of it that snapshots and dumps need."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.meili.engine.index import Index
from tests.support.meili.errors import index_not_found
from tests.support.meili.http.keys import Key
from tests.support.meili.tasks.task import Batch, Task
from tests.support.meili.times import now_ns


@dataclass
class ServerState:
    """Indexes, tasks, batches and keys; an index is replaced and never changed."""

    indexes: dict[str, Index] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    first_task: int = 0

    def index(self, uid: str) -> Index:
        found = self.indexes.get(uid)
        if found is None:
            raise index_not_found(uid)
        return found

    def enqueue(
        self,
        kind: str,
        index_uid: str | None,
        details: dict[str, Any],
        content: Any = None,
        *,
        create: bool = False,
        metadata: str | None = None,
    ) -> Task:
        """Add a task; its uid is one more than the greatest stored one."""
        uid = max(self.tasks, default=self.first_task - 1) + 1
        task = Task(uid, kind, index_uid, details, now_ns(), content, create, metadata)
        self.tasks[uid] = task
        return task

    def next_batch_uid(self) -> int:
        return max(self.batches, default=-1) + 1

    def copy(self, without: Task | None = None) -> "ServerState":
        """Return a copy as in a snapshot: tasks that are being processed are enqueued again."""
        tasks = {}
        for uid, task in self.tasks.items():
            if task is not without:
                tasks[uid] = replace(task, details=copy.deepcopy(task.details))
                _requeue(tasks[uid])
        batches = {}
        for uid, batch in self.batches.items():
            if batch.finished_at is not None:
                batch_tasks = [tasks[task.uid] for task in batch.tasks if task.uid in tasks]
                batches[uid] = replace(batch, tasks=batch_tasks)
        return ServerState(dict(self.indexes), tasks, batches, dict(self.keys))

    def copy_for_dump(self, task: Task) -> "ServerState":
        """Return the state as it is after loading the dump that `task` made."""
        loaded = self.copy()
        loaded.batches = {}
        loaded_at = now_ns()
        for uid, index in loaded.indexes.items():
            draft = index.draft()
            draft.updated_at = loaded_at
            loaded.indexes[uid] = draft
        for other in loaded.tasks.values():
            other.batch = None
        dump_task = loaded.tasks[task.uid]
        dump_task.details = {"dumpUid": None}
        dump_task.status = "succeeded"
        dump_task.started_at = dump_task.finished_at = loaded_at
        return loaded

    def requeue(self) -> None:
        """Enqueue the tasks that are being processed again, as after a crash."""
        for task in self.tasks.values():
            _requeue(task)
        for uid in [uid for uid, batch in self.batches.items() if batch.finished_at is None]:
            del self.batches[uid]


def _requeue(task: Task) -> None:
    if task.status == "processing":
        task.status, task.batch, task.started_at = "enqueued", None, None
