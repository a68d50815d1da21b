"""Which enqueued tasks are processed together, as the real scheduler joins them."""

from collections.abc import Iterable, Mapping

from tests.support.meili.tasks import Task

FIRST = ("taskCancelation", "taskDeletion", "snapshotCreation", "dumpCreation")
ALONE = ("indexCreation", "indexUpdate", "indexSwap")


def next_tasks(tasks: Mapping[int, Task], existing: Iterable[str]) -> list[Task]:
    """Return the tasks of the next batch, in order; none when nothing waits."""
    waiting = [task for _, task in sorted(tasks.items()) if task.status == "enqueued"]
    for kind in FIRST:
        special = [task for task in waiting if task.kind == kind]
        if special:
            return special if kind == "taskDeletion" else special[:1]
    if not waiting:
        return []
    first = waiting[0]
    mine = [task for task in waiting if task.index_uid == first.index_uid]
    return _joined(mine, first.index_uid in set(existing))


def _joined(tasks: list[Task], exists: bool) -> list[Task]:
    first, *others = tasks
    kind = _kind(first)
    batch = [first]
    if first.kind in ALONE or kind == "index_deletion":
        return batch
    exists = exists or first.create
    for task in others:
        other = _kind(task)
        if task.kind in ALONE or (not exists and not batch[0].create and task.create):
            break
        joined = "index_deletion" if other == "index_deletion" else JOINS.get((kind, other))
        if joined is None or (joined == "documents" and not _same_key(batch, task)):
            break
        batch.append(task)
        if joined == "index_deletion":
            break
        kind = joined
    return batch


def _kind(task: Task) -> str:
    if task.kind == "documentAdditionOrUpdate":
        return "documents"
    if task.kind == "documentDeletion":
        if task.content == "all":
            return "clear"
        return "filter_deletion" if isinstance(task.content, dict) else "deletion"
    kinds = {"settingsUpdate": "settings", "indexDeletion": "index_deletion"}
    return kinds.get(task.kind, task.kind)


# What a batch becomes when a task joins it; pairs that are not here never meet.
JOINS = {
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


def _same_key(batch: list[Task], task: Task) -> bool:
    """Tell whether a task wants the primary key that the batch wants."""
    keys = {
        other.content.primary_key
        for other in [*batch, task]
        if other.kind == "documentAdditionOrUpdate"
    }
    return len(keys) <= 1
