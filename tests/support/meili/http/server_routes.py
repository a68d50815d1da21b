"""The routes of the server: tasks, batches, keys, health, version, snapshots and dumps."""

from dataclasses import replace
from typing import Any

from tests.support.meili import validation
from tests.support.meili.errors import MeiliError
from tests.support.meili.http import keys
from tests.support.meili.http.listener import Response
from tests.support.meili.http.server import RequestContext, Route, json_response
from tests.support.meili.tasks import task_queries
from tests.support.meili.tasks.task import Task
from tests.support.meili.times import now_ns

VERSION = {"commitSha": "unknown", "commitDate": "unknown", "pkgVersion": "1.50.0"}
KEY_PAGE_FIELDS = {
    "offset": validation.Field(validation.unsigned_text, "invalid_api_key_offset"),
    "limit": validation.Field(validation.unsigned_text, "invalid_api_key_limit"),
}


def _health(context: RequestContext) -> Response:
    return json_response({"status": "available"})


def _version(context: RequestContext) -> Response:
    return json_response(VERSION)


# Tasks


def _visible_tasks(
    context: RequestContext, tasks: list[Task], parameters: dict[str, Any]
) -> list[Task]:
    """Return the tasks that the key may see.

    Like the real server, callers filter the tasks of a page after they have cut the page.
    """
    credentials = context.credentials
    some_indexes = parameters.get("indexUids") is not None or not credentials.covers_all_indexes
    return [
        task
        for task in tasks
        if credentials.can_access(task.index_uid) and not (some_indexes and task.index_uid is None)
    ]


def _tasks(context: RequestContext) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, task_queries.FIELDS)
    tasks = task_queries.filter_tasks(context.state.tasks.values(), parameters)
    page_tasks = _visible_tasks(context, task_queries.page_items(tasks, parameters), parameters)
    return json_response(task_queries.page_json(page_tasks, len(tasks), parameters))


def _path_uid(context: RequestContext, code: str) -> int:
    text = context.names["number"]
    if not text.isdigit():
        message = f"Task uid `{text}` is invalid. It should only contain numeric characters."
        raise MeiliError(code, message)
    return int(text)


def _task(context: RequestContext) -> Response:
    uid = _path_uid(context, "invalid_task_uids")
    task = context.state.tasks.get(uid)
    if task is None or not context.credentials.can_access(task.index_uid):
        raise MeiliError("task_not_found", f"Task `{uid}` not found.")
    return json_response(task.as_json())


def _batches(context: RequestContext) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, task_queries.FIELDS)
    visible = _visible_tasks(
        context, task_queries.filter_tasks(context.state.tasks.values(), parameters), parameters
    )
    batch_uids = {task.batch for task in visible}
    found = [batch for uid, batch in context.state.batches.items() if uid in batch_uids]
    return json_response(
        task_queries.page_json(task_queries.page_items(found, parameters), len(found), parameters)
    )


def _batch(context: RequestContext) -> Response:
    uid = _path_uid(context, "invalid_batch_uids")
    batch = context.state.batches.get(uid)
    if batch is None:
        raise MeiliError("batch_not_found", f"Batch `{uid}` not found.")
    return json_response(batch.as_json())


def _enqueue_for_tasks(context: RequestContext, kind: str, verb: str, count: str) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, task_queries.FILTER_FIELDS)
    if not parameters:
        message = (
            f"Query parameters to filter the tasks to {verb} are missing. "
            f"Available query parameters are: {task_queries.FILTER_NAMES}"
        )
        raise MeiliError("missing_task_filters", message)
    tasks = _visible_tasks(
        context, task_queries.filter_tasks(context.state.tasks.values(), parameters), parameters
    )
    details = {
        "matchedTasks": len(tasks),
        count: None,
        "originalFilter": "?" + context.request.target.partition("?")[2],
    }
    return context.enqueue(kind, None, details, [task.uid for task in tasks])


def _cancel(context: RequestContext) -> Response:
    return _enqueue_for_tasks(context, "taskCancelation", "cancel", "canceledTasks")


def _delete_tasks(context: RequestContext) -> Response:
    return _enqueue_for_tasks(context, "taskDeletion", "delete", "deletedTasks")


def _dump(context: RequestContext) -> Response:
    return context.enqueue("dumpCreation", None, {"dumpUid": None})


def _snapshot(context: RequestContext) -> Response:
    return context.enqueue("snapshotCreation", None, {})


# Keys


def _master_key(context: RequestContext) -> str:
    return context.server.master_key or ""


def _key_json(context: RequestContext, key: keys.Key) -> dict[str, Any]:
    return keys.key_json(key, _master_key(context))


def _find_key(context: RequestContext) -> keys.Key:
    wanted = context.names["key"]
    for key in context.state.keys.values():
        if wanted in (key.uid, keys.key_value(_master_key(context), key.uid)):
            return key
    raise MeiliError("api_key_not_found", f"API key `{wanted}` not found.")


def _list_keys(context: RequestContext) -> Response:
    page = {"offset": 0, "limit": 20} | validation.parse_query(
        context.request.query_pairs, KEY_PAGE_FIELDS
    )
    by_age = sorted(context.state.keys.values(), key=lambda key: -key.created_at)
    page_keys = by_age[page["offset"] :][: page["limit"]]
    results = [_key_json(context, key) for key in page_keys]
    return json_response({"results": results, **page, "total": len(by_age)})


def _create_key(context: RequestContext) -> Response:
    key = keys.new_key(context.json())
    if key.uid in context.state.keys:
        message = f"`uid` field value `{key.uid}` is already an existing API key."
        raise MeiliError("api_key_already_exists", message)
    context.state.keys[key.uid] = key
    return json_response(_key_json(context, key), 201)


def _get_key(context: RequestContext) -> Response:
    return json_response(_key_json(context, _find_key(context)))


def _change_key(context: RequestContext) -> Response:
    old, changes = _find_key(context), validation.parse_object(context.json(), keys.CHANGES)
    new = replace(old, **changes, updated_at=now_ns())
    context.state.keys[old.uid] = new
    return json_response(_key_json(context, new))


def _delete_key(context: RequestContext) -> Response:
    del context.state.keys[_find_key(context).uid]
    return Response(204)


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
