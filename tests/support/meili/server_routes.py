"""Routes of the server itself: tasks, batches, keys, health, version, snapshots and dumps."""

from dataclasses import replace
from typing import Any

from tests.support.meili import keys, shape, tasks
from tests.support.meili.errors import MeiliError
from tests.support.meili.moments import now
from tests.support.meili.server import Call, Route, answered
from tests.support.meili.wire import Answer

VERSION = {"commitSha": "unknown", "commitDate": "unknown", "pkgVersion": "1.50.0"}
KEY_PAGE = {
    "offset": shape.Field(shape.uint_text, "invalid_api_key_offset"),
    "limit": shape.Field(shape.uint_text, "invalid_api_key_limit"),
}


def _health(call: Call) -> Answer:
    return answered({"status": "available"})


def _version(call: Call) -> Answer:
    return answered(VERSION)


# Tasks


def _seen(call: Call, found: list[tasks.Task], asked: dict[str, Any]) -> list[tasks.Task]:
    """Return those tasks that the sender may see, as late as the real server leaves them out."""
    narrowed = asked.get("indexUids") is not None or not call.sender.everywhere
    return [
        task
        for task in found
        if call.sender.sees(task.index_uid) and not (narrowed and task.index_uid is None)
    ]


def _tasks(call: Call) -> Answer:
    asked = shape.take_parameters(call.request.pairs, tasks.FIELDS)
    found = tasks.matching(call.state.tasks.values(), asked)
    shown = _seen(call, tasks.windowed(found, asked), asked)
    return answered(tasks.page(shown, len(found), asked))


def _number(call: Call, code: str) -> int:
    text = call.names["number"]
    if not text.isdigit():
        message = f"Task uid `{text}` is invalid. It should only contain numeric characters."
        raise MeiliError(code, message)
    return int(text)


def _task(call: Call) -> Answer:
    number = _number(call, "invalid_task_uids")
    task = call.state.tasks.get(number)
    if task is None or not call.sender.sees(task.index_uid):
        raise MeiliError("task_not_found", f"Task `{number}` not found.")
    return answered(task.view())


def _batches(call: Call) -> Answer:
    asked = shape.take_parameters(call.request.pairs, tasks.FIELDS)
    seen = _seen(call, tasks.matching(call.state.tasks.values(), asked), asked)
    named = {task.batch for task in seen}
    found = [batch for uid, batch in call.state.batches.items() if uid in named]
    return answered(tasks.page(tasks.windowed(found, asked), len(found), asked))


def _batch(call: Call) -> Answer:
    number = _number(call, "invalid_batch_uids")
    batch = call.state.batches.get(number)
    if batch is None:
        raise MeiliError("batch_not_found", f"Batch `{number}` not found.")
    return answered(batch.view())


def _about_tasks(call: Call, kind: str, verb: str, count: str) -> Answer:
    asked = shape.take_parameters(call.request.pairs, tasks.FILTERS)
    if not asked:
        message = (
            f"Query parameters to filter the tasks to {verb} are missing. "
            f"Available query parameters are: {tasks.NAMED}"
        )
        raise MeiliError("missing_task_filters", message)
    named = _seen(call, tasks.matching(call.state.tasks.values(), asked), asked)
    details = {
        "matchedTasks": len(named),
        count: None,
        "originalFilter": "?" + call.request.target.partition("?")[2],
    }
    return call.enqueue(kind, None, details, [task.uid for task in named])


def _cancel(call: Call) -> Answer:
    return _about_tasks(call, "taskCancelation", "cancel", "canceledTasks")


def _delete_tasks(call: Call) -> Answer:
    return _about_tasks(call, "taskDeletion", "delete", "deletedTasks")


def _dump(call: Call) -> Answer:
    return call.enqueue("dumpCreation", None, {"dumpUid": None})


def _snapshot(call: Call) -> Answer:
    return call.enqueue("snapshotCreation", None, {})


# Keys


def _master(call: Call) -> str:
    return call.server.master_key or ""


def _view(call: Call, key: keys.Key) -> dict[str, Any]:
    return keys.view(key, _master(call))


def _found(call: Call) -> keys.Key:
    wanted = call.names["key"]
    for key in call.state.keys.values():
        if wanted in (key.uid, keys.secret(_master(call), key.uid)):
            return key
    raise MeiliError("api_key_not_found", f"API key `{wanted}` not found.")


def _list_keys(call: Call) -> Answer:
    page = {"offset": 0, "limit": 20} | shape.take_parameters(call.request.pairs, KEY_PAGE)
    known = sorted(call.state.keys.values(), key=lambda key: -key.created_at)
    shown = known[page["offset"] :][: page["limit"]]
    results = [_view(call, key) for key in shown]
    return answered({"results": results, **page, "total": len(known)})


def _create_key(call: Call) -> Answer:
    key = keys.new_key(call.json())
    if key.uid in call.state.keys:
        message = f"`uid` field value `{key.uid}` is already an existing API key."
        raise MeiliError("api_key_already_exists", message)
    call.state.keys[key.uid] = key
    return answered(_view(call, key), 201)


def _get_key(call: Call) -> Answer:
    return answered(_view(call, _found(call)))


def _change_key(call: Call) -> Answer:
    old, changes = _found(call), shape.take(call.json(), keys.CHANGES)
    new = replace(old, **changes, updated_at=now())
    call.state.keys[old.uid] = new
    return answered(_view(call, new))


def _delete_key(call: Call) -> Answer:
    del call.state.keys[_found(call).uid]
    return Answer(204)


ROUTES = [
    Route("GET", "/health", None, _health),
    Route("GET", "/version", "version", _version),
    Route("GET", "/tasks", "tasks.get", _tasks),
    Route("DELETE", "/tasks", "tasks.delete", _delete_tasks),
    Route("POST", "/tasks/cancel", "tasks.cancel", _cancel),
    Route("GET", "/tasks/{number}", "tasks.get", _task),
    Route("GET", "/batches", "tasks.get", _batches),
    Route("GET", "/batches/{number}", "tasks.get", _batch),
    Route("POST", "/dumps", "dumps.create", _dump),
    Route("POST", "/snapshots", "snapshots.create", _snapshot),
    Route("GET", "/keys", "keys.get", _list_keys),
    Route("POST", "/keys", "keys.create", _create_key),
    Route("GET", "/keys/{key}", "keys.get", _get_key),
    Route("PATCH", "/keys/{key}", "keys.update", _change_key),
    Route("DELETE", "/keys/{key}", "keys.delete", _delete_key),
]
