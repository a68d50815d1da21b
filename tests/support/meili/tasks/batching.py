"""Chooses the enqueued tasks of the next batch, as the real scheduler does."""

from collections.abc import Iterable, Mapping

from tests.support.meili.tasks.task import Task

PRIORITY_KINDS = ("taskCancelation", "taskDeletion", "snapshotCreation", "dumpCreation")
UNBATCHED_KINDS = ("indexCreation", "indexUpdate", "indexSwap")


def next_tasks(tasks: Mapping[int, Task], existing: Iterable[str]) -> list[Task]:
    """Return the tasks of the next batch, in order; empty if no task is enqueued."""
    enqueued = [task for _, task in sorted(tasks.items()) if task.status == "enqueued"]
    for kind in PRIORITY_KINDS:
        prioritised = [task for task in enqueued if task.kind == kind]
        if prioritised:
            return prioritised if kind == "taskDeletion" else prioritised[:1]
    if not enqueued:
        return []
    first = enqueued[0]
    same_index = [task for task in enqueued if task.index_uid == first.index_uid]
    return _join(same_index, first.index_uid in set(existing))


def _join(tasks: list[Task], exists: bool) -> list[Task]:
    first, *others = tasks
    kind = _batch_kind(first)
    batch = [first]
    if first.kind in UNBATCHED_KINDS or kind == "index_deletion":
        return batch
    exists = exists or first.create
    for task in others:
        other = _batch_kind(task)
        if task.kind in UNBATCHED_KINDS or (not exists and not batch[0].create and task.create):
            break
        joined = "index_deletion" if other == "index_deletion" else JOINED_KINDS.get((kind, other))
        if joined is None or (joined == "documents" and not _same_primary_key(batch, task)):
            break
        batch.append(task)
        if joined == "index_deletion":
            break
        kind = joined
    return batch


def _batch_kind(task: Task) -> str:
    if task.kind == "documentAdditionOrUpdate":
        return "documents"
    if task.kind == "documentDeletion":
        if task.content == "all":
            return "clear"
        return "filter_deletion" if isinstance(task.content, dict) else "deletion"
    kinds = {"settingsUpdate": "settings", "indexDeletion": "index_deletion"}
    return kinds.get(task.kind, task.kind)


# The kind of a batch after a task has joined it; other pairs are not batched together.
JOINED_KINDS = {
    ("documents", "documents"): "documents",
    ("documents", "deletion"): "documents",
    ("documents", "clear"): "clear",
    ("deletion", "documents"): "documents",
    ("deletion", "deletion"): "deletion",
    ("deletion", "filter_deletion"): "filter_deletion",
    ("deletion", "clear"): "clear",
    ("filter_deletion", "documents"): "documents",
    ("filter_deletion", "deletion"): "filter_deletion",
    ("filter_deletion", "filter_deletion"): "filter_deletion",
    ("filter_deletion", "clear"): "clear",
    ("clear", "clear"): "clear",
    ("clear", "deletion"): "clear",
    ("clear", "filter_deletion"): "clear",
    ("settings", "settings"): "settings",
    ("settings", "clear"): "clear_settings",
    ("clear_settings", "clear"): "clear_settings",
    ("clear_settings", "deletion"): "clear_settings",
    ("clear_settings", "filter_deletion"): "clear_settings",
    ("clear_settings", "settings"): "clear_settings",
}


def _same_primary_key(batch: list[Task], task: Task) -> bool:
    """Return whether a task names the same primary key as the batch."""
    keys = {
        other.content.primary_key
        for other in [*batch, task]
        if other.kind == "documentAdditionOrUpdate"
    }
    return len(keys) <= 1
