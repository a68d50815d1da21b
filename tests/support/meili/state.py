"""Everything that the fake server would keep on its disk, and copies of it."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.meili.errors import index_not_found
from tests.support.meili.index import Index
from tests.support.meili.keys import Key
from tests.support.meili.moments import now
from tests.support.meili.tasks import Batch, Task


@dataclass
class State:
    """Indexes, tasks, batches and keys; the indexes are replaced, never changed."""

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
        """Add a task; its uid follows the greatest that is stored."""
        uid = max(self.tasks, default=self.first_task - 1) + 1
        task = Task(uid, kind, index_uid, details, now(), content, create, metadata)
        self.tasks[uid] = task
        return task

    def next_batch(self) -> int:
        return max(self.batches, default=-1) + 1

    def copied(self, without: Task | None = None) -> "State":
        """Return a copy as a snapshot holds it: what was being done is enqueued again."""
        tasks = {}
        for uid, task in self.tasks.items():
            if task is not without:
                tasks[uid] = replace(task, details=copy.deepcopy(task.details))
                _requeue(tasks[uid])
        batches = {}
        for uid, batch in self.batches.items():
            if batch.finished_at is not None:
                mine = [tasks[task.uid] for task in batch.tasks if task.uid in tasks]
                batches[uid] = replace(batch, tasks=mine)
        return State(dict(self.indexes), tasks, batches, dict(self.keys))

    def dumped(self, task: Task) -> "State":
        """Return what is left of the state when it is loaded from a dump."""
        loaded = self.copied()
        loaded.batches = {}
        moment = now()
        for uid, index in loaded.indexes.items():
            draft = index.draft()
            draft.updated_at = moment
            loaded.indexes[uid] = draft
        for other in loaded.tasks.values():
            other.batch = None
        mine = loaded.tasks[task.uid]
        mine.details = {"dumpUid": None}
        mine.status, mine.started_at, mine.finished_at = "succeeded", moment, moment
        return loaded

    def requeue(self) -> None:
        """Enqueue again what was being done, as after a crash."""
        for task in self.tasks.values():
            _requeue(task)
        for uid in [uid for uid, batch in self.batches.items() if batch.finished_at is None]:
            del self.batches[uid]


def _requeue(task: Task) -> None:
    if task.status == "processing":
        task.status, task.batch, task.started_at = "enqueued", None, None
