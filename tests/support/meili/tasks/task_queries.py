"""The query parameters of the routes of tasks and batches: parsing, filtering and pages."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.support.meili import validation
from tests.support.meili.errors import MeiliError
from tests.support.meili.tasks.task import Task
from tests.support.meili.times import parse_time
from tests.support.meili.uids import check_path_uid

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


def _comma_separated(check: validation.Check) -> validation.Check:
    def checked(text: str, at: str) -> list[Any] | None:
        return None if text == "*" else [check(part.strip(), at) for part in text.split(",")]

    return checked


def _one_of(names: tuple[str, ...], noun: str, plural: str) -> validation.Check:
    def checked(text: str, at: str) -> str:
        match = next((name for name in names if name.lower() == text.lower()), None)
        if match is None:
            listed = ", ".join(f"`{name}`" for name in names)
            raise validation.InvalidValueError(
                f"`{text}` is not a valid {noun}. Available {plural} are {listed}."
            )
        return match

    return checked


def _uid(text: str, at: str) -> str:
    try:
        return check_path_uid(text)
    except MeiliError as error:
        raise validation.InvalidValueError(error.message) from None


def _time(text: str, at: str) -> int | None:
    if text == "*":
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise validation.InvalidValueError(
            f"`{text}` is an invalid date-time. It should follow the YYYY-MM-DD or RFC 3339 "
            "date-time format."
        ) from None


def _time_fields(*names: str) -> dict[str, validation.Field]:
    fields = {}
    for name in names:
        for side in ("after", "before"):
            code = f"invalid_task_{side}_{name.lower()}_at"
            fields[f"{side}{name}At"] = validation.Field(_time, code)
    return fields


_uid_list = _comma_separated(validation.unsigned_text)
PAGE_FIELDS = {
    "limit": validation.Field(validation.unsigned_text, "invalid_task_limit"),
    "from": validation.Field(validation.unsigned_text, "invalid_task_from"),
    "reverse": validation.Field(validation.boolean_text, "invalid_task_reverse"),
}
FILTER_FIELDS = {
    "batchUids": validation.Field(_uid_list, "invalid_batch_uids"),
    "uids": validation.Field(_uid_list, "invalid_task_uids"),
    "canceledBy": validation.Field(_uid_list, "invalid_task_canceled_by"),
    "types": validation.Field(
        _comma_separated(_one_of(KINDS, "task type", "types")), "invalid_task_types"
    ),
    "statuses": validation.Field(
        _comma_separated(_one_of(STATUSES, "task status", "statuses")), "invalid_task_statuses"
    ),
    "indexUids": validation.Field(_comma_separated(_uid), "invalid_index_uid"),
    **_time_fields("Enqueued", "Started", "Finished"),
}
FIELDS = {**PAGE_FIELDS, **FILTER_FIELDS}
FILTER_NAMES = (
    "`uids`, `indexUids`, `statuses`, `types`, `canceledBy`, `beforeEnqueuedAt`, "
    "`afterEnqueuedAt`, `beforeStartedAt`, `afterStartedAt`, `beforeFinishedAt`, "
    "`afterFinishedAt`."
)
_TASK_VALUES: dict[str, Callable[[Task], Any]] = {
    "batchUids": lambda task: task.batch,
    "uids": lambda task: task.uid,
    "canceledBy": lambda task: task.canceled_by,
    "types": lambda task: task.kind,
    "statuses": lambda task: task.status,
    "Enqueued": lambda task: task.enqueued_at,
    "Started": lambda task: task.started_at,
    "Finished": lambda task: task.finished_at,
}


def filter_tasks(tasks: Iterable[Task], parameters: Mapping[str, Any]) -> list[Task]:
    """Return the tasks that all filters of a query match."""
    return [task for task in tasks if all(_matches(task, *item) for item in parameters.items())]


def _matches(task: Task, name: str, wanted: Any) -> bool:
    if wanted is None or name in PAGE_FIELDS:
        return True
    if name == "indexUids":
        return not task.indexes.isdisjoint(wanted)
    if name in _TASK_VALUES:
        return _TASK_VALUES[name](task) in wanted
    side, read = (
        ("after", _TASK_VALUES[name[5:-2]])
        if name[0] == "a"
        else ("before", _TASK_VALUES[name[6:-2]])
    )
    time = read(task)
    if time is None:
        return False
    return bool(time > wanted if side == "after" else time < wanted)


def page_items(items: list[Any], parameters: Mapping[str, Any]) -> list[Any]:
    """Return one page of tasks or batches and the item after it, newest first unless reversed."""
    sign = 1 if parameters.get("reverse", False) else -1
    ordered = sorted(items, key=lambda item: sign * item.uid)
    start = parameters.get("from")
    if start is not None:
        ordered = [item for item in ordered if sign * (item.uid - start) >= 0]
    return ordered[: parameters.get("limit", 20) + 1]


def page_json(items: list[Any], total: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of a page; `items` comes from `page_items`."""
    limit = parameters.get("limit", 20)
    return {
        "results": [item.as_json() for item in items[:limit]],
        "total": total,
        "limit": limit,
        "from": items[0].uid if items[:limit] else None,
        "next": items[limit].uid if len(items) > limit else None,
    }
