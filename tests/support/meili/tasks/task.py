"""Tasks and batches, and their JSON."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.support.meili.errors import MeiliError
from tests.support.meili.times import format_duration, format_time

FINISHED_STATUSES = frozenset({"succeeded", "failed", "canceled"})


@dataclass
class Task:
    """A write from its enqueueing to its end; `content` is what processing it needs.

    `create`: the task creates its index if it is missing.
    """

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
        """The uids of the indexes that the task concerns, those of a swap among them."""
        swaps = self.details.get("swaps", ())
        named = {uid for swap in swaps for uid in swap["indexes"]}
        return named | ({self.index_uid} if self.index_uid else set())

    def summary(self) -> dict[str, Any]:
        """Return the JSON with which the server responds to the request."""
        shown = {
            "taskUid": self.uid,
            "indexUid": self.index_uid,
            "status": "enqueued",
            "type": self.kind,
            "enqueuedAt": format_time(self.enqueued_at),
        }
        return shown if self.metadata is None else {**shown, "customMetadata": self.metadata}

    def as_json(self) -> dict[str, Any]:
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
            "duration": format_duration(self.started_at, self.finished_at),
            "enqueuedAt": format_time(self.enqueued_at),
            "startedAt": format_time(self.started_at),
            "finishedAt": format_time(self.finished_at),
        }
        if self.metadata is not None:
            shown["customMetadata"] = self.metadata
        return shown

    def finish(self, status: str, finished_at: int, error: MeiliError | None = None) -> None:
        self.status, self.finished_at, self.content = status, finished_at, None
        self.error = error.body() if error else None
        if status != "succeeded":
            for name in ("indexedDocuments", "deletedDocuments"):
                if name in self.details:
                    self.details[name] = 0


@dataclass
class Batch:
    """Tasks that are processed together."""

    uid: int
    tasks: list[Task]
    started_at: int
    finished_at: int | None = None
    reason: str = "batched all enqueued tasks"
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        progress = None
        if self.finished_at is None:
            step = {"currentStep": "processing tasks", "finished": 0, "total": 2}
            progress = {"steps": [step], "percentage": 0.0}
        stats: dict[str, Any] = {
            "totalNbTasks": len(self.tasks),
            "status": _count_values(task.status for task in self.tasks),
            "types": _count_values(task.kind for task in self.tasks),
            "indexUids": _count_values(task.index_uid for task in self.tasks if task.index_uid),
            "progressTrace": {},
        }
        if self.finished_at is not None:
            congestion = {"attempts": 0, "blocking_attempts": 0, "blocking_ratio": 0.0}
            stats["writeChannelCongestion"] = congestion
        return {
            "uid": self.uid,
            "progress": progress,
            "details": self._total_details(),
            "stats": stats,
            "duration": format_duration(self.started_at, self.finished_at),
            "startedAt": format_time(self.started_at),
            "finishedAt": format_time(self.finished_at),
            "batchStrategy": self.reason,
        }

    def _total_details(self) -> dict[str, Any]:
        total: dict[str, Any] = {}
        for task in self.tasks:
            for name, value in task.details.items():
                if name == "originalFilter" and value is None:
                    continue
                previous = total.get(name)
                both_numbers = isinstance(value, int) and isinstance(previous, int)
                total[name] = previous + value if both_numbers else value
        return total


def _count_values(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
