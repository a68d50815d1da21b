"""The routes of indexes, their settings and their statistics."""

from typing import Any

from tests.support.meili import validation
from tests.support.meili.engine import index_settings
from tests.support.meili.engine.index import Index
from tests.support.meili.errors import MeiliError
from tests.support.meili.http.listener import Response
from tests.support.meili.http.server import RequestContext, Route, json_response
from tests.support.meili.times import format_time
from tests.support.meili.uids import index_uid

BYTES_PER_DOCUMENT = 512
PRIMARY_KEY = validation.nullable(validation.string)
CREATE_FIELDS = {
    "uid": validation.Field(index_uid, "invalid_index_uid", "missing_index_uid"),
    "primaryKey": validation.Field(PRIMARY_KEY, "invalid_index_primary_key"),
}
UPDATE_FIELDS = {
    "primaryKey": validation.Field(PRIMARY_KEY, "invalid_index_primary_key"),
    "uid": validation.Field(validation.nullable(index_uid), "invalid_index_uid"),
}
PAGE_FIELDS = {
    "offset": validation.Field(validation.unsigned_text, "invalid_index_offset"),
    "limit": validation.Field(validation.unsigned_text, "invalid_index_limit"),
}
SWAP_FIELDS = {
    "indexes": validation.Field(
        validation.list_of(index_uid), "invalid_swap_indexes", "missing_swap_indexes"
    ),
    "rename": validation.Field(validation.boolean, "invalid_swap_rename"),
}


def _index_json(uid: str, index: Index) -> dict[str, Any]:
    return {
        "uid": uid,
        "createdAt": format_time(index.created_at),
        "updatedAt": format_time(index.updated_at),
        "primaryKey": index.primary_key,
    }


def _list(context: RequestContext) -> Response:
    page = {"offset": 0, "limit": 20} | validation.parse_query(
        context.request.query_pairs, PAGE_FIELDS
    )
    uids = sorted(uid for uid in context.state.indexes if context.credentials.can_access(uid))
    page_uids = uids[page["offset"] :][: page["limit"]]
    results = [_index_json(uid, context.state.indexes[uid]) for uid in page_uids]
    return json_response({"results": results, **page, "total": len(uids)})


def _create(context: RequestContext) -> Response:
    body = validation.parse_object(context.json(), CREATE_FIELDS)
    uid, key = body["uid"], body.get("primaryKey")
    context.credentials.check_index(uid)
    return context.enqueue("indexCreation", uid, {"primaryKey": key}, key)


def _get(context: RequestContext) -> Response:
    return json_response(_index_json(context.uid, context.index))


def _update(context: RequestContext) -> Response:
    body = {"primaryKey": None, "uid": None} | validation.parse_object(
        context.json(), UPDATE_FIELDS
    )
    details: dict[str, Any] = {"primaryKey": body["primaryKey"]}
    if body["uid"] is not None:
        details |= {"oldIndexUid": context.uid, "newIndexUid": body["uid"]}
    return context.enqueue("indexUpdate", context.uid, details, body)


def _delete(context: RequestContext) -> Response:
    return context.enqueue("indexDeletion", context.uid, {"deletedDocuments": None})


def _swap(context: RequestContext) -> Response:
    body = context.json()
    if not isinstance(body, list):
        raise MeiliError("bad_request", "Invalid value type: expected an array")
    swaps = [validation.parse_object(swap, SWAP_FIELDS, at=f"[{n}]") for n, swap in enumerate(body)]
    names: list[str] = []
    for swap in swaps:
        if len(swap["indexes"]) != 2:
            message = "Two indexes must be given for each swap. The list `{}` contains {} indexes."
            listed = ", ".join(f'"{uid}"' for uid in swap["indexes"])
            raise MeiliError(
                "invalid_swap_indexes", message.format(f"[{listed}]", len(swap["indexes"]))
            )
        for uid in swap["indexes"]:
            context.credentials.check_index(uid)
        names += swap["indexes"]
    repeated = sorted({uid for uid in names if names.count(uid) > 1})
    if repeated:
        message = (
            "Indexes must be declared only once during a swap. "
            f"`{repeated[0]}` was specified several times."
        )
        raise MeiliError("invalid_swap_duplicate_index_found", message)
    content = [{"indexes": swap["indexes"], "rename": swap.get("rename", False)} for swap in swaps]
    return context.enqueue("indexSwap", None, {"swaps": content}, content)


def _stats(context: RequestContext, uid: str, index: Index) -> dict[str, Any]:
    is_indexing = any(
        task.index_uid == uid and task.status == "processing"
        for task in context.state.tasks.values()
    )
    return {
        "numberOfDocuments": len(index.stored),
        "rawDocumentDbSize": len(index.stored) * BYTES_PER_DOCUMENT,
        "avgDocumentSize": BYTES_PER_DOCUMENT if index.stored else 0,
        "isIndexing": is_indexing,
        "numberOfEmbeddings": 0,
        "numberOfEmbeddedDocuments": 0,
        "fieldDistribution": index.field_distribution(),
    }


def _index_stats(context: RequestContext) -> Response:
    return json_response(_stats(context, context.uid, context.index))


def _all_stats(context: RequestContext) -> Response:
    indexes = {
        uid: index
        for uid, index in sorted(context.state.indexes.items())
        if context.credentials.can_access(uid)
    }
    size = sum(len(index.stored) for index in indexes.values()) * BYTES_PER_DOCUMENT
    updated = max((index.updated_at for index in indexes.values()), default=None)
    return json_response(
        {
            "databaseSize": 94208 + size,
            "usedDatabaseSize": 20480 + size,
            "lastUpdate": format_time(updated),
            "indexes": {uid: _stats(context, uid, index) for uid, index in indexes.items()},
        }
    )


# Settings


def _settings(context: RequestContext) -> Response:
    return json_response(context.index.settings)


def _enqueue_settings(context: RequestContext, patch: dict[str, Any]) -> Response:
    may_create = context.credentials.may_create_index(context.uid)
    return context.enqueue("settingsUpdate", context.uid, dict(patch), patch, create=may_create)


def _change_settings(context: RequestContext) -> Response:
    return _enqueue_settings(context, index_settings.parse_settings(context.json()))


def _reset_settings(context: RequestContext) -> Response:
    patch = dict.fromkeys(index_settings.DEFAULTS)
    return context.enqueue("settingsUpdate", context.uid, {}, patch)


def _setting_name(context: RequestContext) -> str:
    name = index_settings.SETTING_BY_PATH.get(context.names["setting"])
    if name is None:
        raise MeiliError("bad_request", "No such setting.", 404)
    return name


def _setting(context: RequestContext) -> Response:
    return json_response(context.index.settings[_setting_name(context)])


def _change_setting(context: RequestContext) -> Response:
    name = _setting_name(context)
    if (context.request.method == "PATCH") != (name in index_settings.PATCHED_SETTINGS):
        return Response(405)
    return _enqueue_settings(context, index_settings.parse_settings({name: context.json()}))


def _reset_setting(context: RequestContext) -> Response:
    name = _setting_name(context)
    return context.enqueue("settingsUpdate", context.uid, {name: None}, {name: None})


ROUTES = [
    Route("GET", "/indexes", "indexes.get", _list),
    Route("POST", "/indexes", "indexes.create", _create),
    Route("GET", "/indexes/{uid}", "indexes.get", _get),
    Route("PATCH", "/indexes/{uid}", "indexes.update", _update),
    Route("DELETE", "/indexes/{uid}", "indexes.delete", _delete),
    Route("POST", "/swap-indexes", "indexes.swap", _swap),
    Route("GET", "/stats", "stats.get", _all_stats),
    Route("GET", "/indexes/{uid}/stats", "stats.get", _index_stats),
    Route("GET", "/indexes/{uid}/settings", "settings.get", _settings),
    Route("PATCH", "/indexes/{uid}/settings", "settings.update", _change_settings),
    Route("DELETE", "/indexes/{uid}/settings", "settings.update", _reset_settings),
    Route("GET", "/indexes/{uid}/settings/{setting}", "settings.get", _setting),
    Route("PUT", "/indexes/{uid}/settings/{setting}", "settings.update", _change_setting),
    Route("PATCH", "/indexes/{uid}/settings/{setting}", "settings.update", _change_setting),
    Route("DELETE", "/indexes/{uid}/settings/{setting}", "settings.update", _reset_setting),
]
