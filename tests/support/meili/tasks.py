"""Tasks and batches: what is kept of them, how they are shown, and which ones a query names."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.meili import shape
from tests.support.meili.errors import MeiliError
from tests.support.meili.moments import iso_duration, parse_moment, rfc3339
from tests.support.meili.uids import check_path

STATUSES = ("enqueued", "processing", "succeeded", "failed", "canceled")
KINDS = (
    "documentAdditionOrUpdate",
    "documentEdition",
    "documentDeletion",
    "settingsUpdate",
    "indexCreation",
    "indexDeletion",
    "indexUpdate",
    "indexSwap",
    "taskCancelation",
    "taskDeletion",
    "dumpCreation",
    "snapshotCreation",
    "export",
    "upgradeDatabase",
    "indexCompaction",
    "networkTopologyChange",
)
FINISHED = frozenset({"succeeded", "failed", "canceled"})


@dataclass
class Task:
    """A write, from being enqueued to its end; `content` is what it needs to be done."""

    uid: int
    kind: str
    index_uid: str | None
    details: dict[str, Any]
    enqueued_at: int
    content: Any = None
    create: bool = False
    metadata: str | None = None
    status: str = "enqueued"
    batch: int | None = None
    canceled_by: int | None = None
    error: dict[str, Any] | None = None
    started_at: int | None = None
    finished_at: int | None = None

    @property
    def indexes(self) -> set[str]:
        """The indexes that the task is about; a swap is shown to be about none."""
        swaps = self.details.get("swaps", ())
        named = {uid for swap in swaps for uid in swap["indexes"]}
        return named | ({self.index_uid} if self.index_uid else set())

    def summary(self) -> dict[str, Any]:
        """Return what the request that enqueued the task is answered with."""
        shown = {
            "taskUid": self.uid,
            "indexUid": self.index_uid,
            "status": "enqueued",
            "type": self.kind,
            "enqueuedAt": rfc3339(self.enqueued_at),
        }
        return shown if self.metadata is None else {**shown, "customMetadata": self.metadata}

    def view(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "uid": self.uid,
            "batchUid": self.batch,
            "indexUid": self.index_uid,
            "status": self.status,
            "type": self.kind,
            "canceledBy": self.canceled_by,
        }
        if self.kind != "snapshotCreation":
            shown["details"] = dict(self.details)
        shown |= {
            "error": self.error,
            "duration": iso_duration(self.started_at, self.finished_at),
            "enqueuedAt": rfc3339(self.enqueued_at),
            "startedAt": rfc3339(self.started_at),
            "finishedAt": rfc3339(self.finished_at),
        }
        if self.metadata is not None:
            shown["customMetadata"] = self.metadata
        return shown

    def finish(self, status: str, moment: int, error: MeiliError | None = None) -> None:
        self.status, self.finished_at, self.content = status, moment, None
        self.error = error.body() if error else None
        if status != "succeeded":
            for name in ("indexedDocuments", "deletedDocuments"):
                if name in self.details:
                    self.details[name] = 0


@dataclass
class Batch:
    """Tasks that were processed together."""

    uid: int
    tasks: list[Task]
    started_at: int
    finished_at: int | None = None
    reason: str = "batched all enqueued tasks"
    details: dict[str, Any] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        progress = None
        if self.finished_at is None:
            step = {"currentStep": "processing tasks", "finished": 0, "total": 2}
            progress = {"steps": [step], "percentage": 0.0}
        stats: dict[str, Any] = {
            "totalNbTasks": len(self.tasks),
            "status": _counts(task.status for task in self.tasks),
            "types": _counts(task.kind for task in self.tasks),
            "indexUids": _counts(task.index_uid for task in self.tasks if task.index_uid),
            "progressTrace": {},
        }
        if self.finished_at is not None:
            congestion = {"attempts": 0, "blocking_attempts": 0, "blocking_ratio": 0.0}
            stats["writeChannelCongestion"] = congestion
        return {
            "uid": self.uid,
            "progress": progress,
            "details": self._details(),
            "stats": stats,
            "duration": iso_duration(self.started_at, self.finished_at),
            "startedAt": rfc3339(self.started_at),
            "finishedAt": rfc3339(self.finished_at),
            "batchStrategy": self.reason,
        }

    def _details(self) -> dict[str, Any]:
        total: dict[str, Any] = {}
        for task in self.tasks:
            for name, value in task.details.items():
                if name == "originalFilter" and value is None:
                    continue
                old = total.get(name)
                both = isinstance(value, int) and isinstance(old, int)
                total[name] = old + value if both else value
        return total


def _counts(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


# Queries


def _listed(check: shape.Check) -> shape.Check:
    def checked(text: str, at: str) -> list[Any] | None:
        return None if text == "*" else [check(part.strip(), at) for part in text.split(",")]

    return checked


def _one_of(names: tuple[str, ...], noun: str, plural: str) -> shape.Check:
    def checked(text: str, at: str) -> str:
        match = next((name for name in names if name.lower() == text.lower()), None)
        if match is None:
            listed = ", ".join(f"`{name}`" for name in names)
            raise shape.MisfitError(
                f"`{text}` is not a valid {noun}. Available {plural} are {listed}."
            )
        return match

    return checked


def _uid(text: str, at: str) -> str:
    try:
        return check_path(text)
    except MeiliError as error:
        raise shape.MisfitError(error.message) from None


def _moment(text: str, at: str) -> int | None:
    if text == "*":
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise shape.MisfitError(
            f"`{text}` is an invalid date-time. It should follow the YYYY-MM-DD or RFC 3339 "
            "date-time format."
        ) from None


def _moments(*names: str) -> dict[str, shape.Field]:
    fields = {}
    for name in names:
        for side in ("after", "before"):
            code = f"invalid_task_{side}_{name.lower()}_at"
            fields[f"{side}{name}At"] = shape.Field(_moment, code)
    return fields


_numbers = _listed(shape.uint_text)
PAGING = {
    "limit": shape.Field(shape.uint_text, "invalid_task_limit"),
    "from": shape.Field(shape.uint_text, "invalid_task_from"),
    "reverse": shape.Field(shape.boolean_text, "invalid_task_reverse"),
}
FILTERS = {
    "batchUids": shape.Field(_numbers, "invalid_batch_uids"),
    "uids": shape.Field(_numbers, "invalid_task_uids"),
    "canceledBy": shape.Field(_numbers, "invalid_task_canceled_by"),
    "types": shape.Field(_listed(_one_of(KINDS, "task type", "types")), "invalid_task_types"),
    "statuses": shape.Field(
        _listed(_one_of(STATUSES, "task status", "statuses")), "invalid_task_statuses"
    ),
    "indexUids": shape.Field(_listed(_uid), "invalid_index_uid"),
    **_moments("Enqueued", "Started", "Finished"),
}
FIELDS = {**PAGING, **FILTERS}
NAMED = (
    "`uids`, `indexUids`, `statuses`, `types`, `canceledBy`, `beforeEnqueuedAt`, "
    "`afterEnqueuedAt`, `beforeStartedAt`, `afterStartedAt`, `beforeFinishedAt`, "
    "`afterFinishedAt`."
)
_READ: dict[str, Callable[[Task], Any]] = {
    "batchUids": lambda task: task.batch,
    "uids": lambda task: task.uid,
    "canceledBy": lambda task: task.canceled_by,
    "types": lambda task: task.kind,
    "statuses": lambda task: task.status,
    "Enqueued": lambda task: task.enqueued_at,
    "Started": lambda task: task.started_at,
    "Finished": lambda task: task.finished_at,
}


def matching(tasks: Iterable[Task], asked: Mapping[str, Any]) -> list[Task]:
    """Return the tasks that a query names."""
    return [task for task in tasks if all(_fits(task, *item) for item in asked.items())]


def _fits(task: Task, name: str, wanted: Any) -> bool:
    if wanted is None or name in PAGING:
        return True
    if name == "indexUids":
        return not task.indexes.isdisjoint(wanted)
    if name in _READ:
        return _READ[name](task) in wanted
    side, read = ("after", _READ[name[5:-2]]) if name[0] == "a" else ("before", _READ[name[6:-2]])
    moment = read(task)
    if moment is None:
        return False
    return bool(moment > wanted if side == "after" else moment < wanted)


def windowed(items: list[Any], asked: Mapping[str, Any]) -> list[Any]:
    """Return one page of tasks or batches and one more, newest first unless reversed."""
    sign = 1 if asked.get("reverse", False) else -1
    ordered = sorted(items, key=lambda item: sign * item.uid)
    start = asked.get("from")
    if start is not None:
        ordered = [item for item in ordered if sign * (item.uid - start) >= 0]
    return ordered[: asked.get("limit", 20) + 1]


def page(shown: list[Any], total: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what lists of tasks and batches are answered with."""
    limit = asked.get("limit", 20)
    return {
        "results": [item.view() for item in shown[:limit]],
        "total": total,
        "limit": limit,
        "from": shown[0].uid if shown[:limit] else None,
        "next": shown[limit].uid if len(shown) > limit else None,
    }
