"""Routes of indexes, their settings and statistics."""

from typing import Any

from tests.support.meili import settings as setting
from tests.support.meili import shape
from tests.support.meili.errors import MeiliError
from tests.support.meili.index import Index
from tests.support.meili.moments import rfc3339
from tests.support.meili.server import Call, Route, answered
from tests.support.meili.uids import index_uid
from tests.support.meili.wire import Answer

USUAL_SIZE = 512
KEY = shape.nullable(shape.string)
NEW = {
    "uid": shape.Field(index_uid, "invalid_index_uid", "missing_index_uid"),
    "primaryKey": shape.Field(KEY, "invalid_index_primary_key"),
}
CHANGE = {
    "primaryKey": shape.Field(KEY, "invalid_index_primary_key"),
    "uid": shape.Field(shape.nullable(index_uid), "invalid_index_uid"),
}
PAGE = {
    "offset": shape.Field(shape.uint_text, "invalid_index_offset"),
    "limit": shape.Field(shape.uint_text, "invalid_index_limit"),
}
SWAP = {
    "indexes": shape.Field(
        shape.list_of(index_uid), "invalid_swap_indexes", "missing_swap_indexes"
    ),
    "rename": shape.Field(shape.boolean, "invalid_swap_rename"),
}


def _view(uid: str, index: Index) -> dict[str, Any]:
    return {
        "uid": uid,
        "createdAt": rfc3339(index.created_at),
        "updatedAt": rfc3339(index.updated_at),
        "primaryKey": index.primary_key,
    }


def _list(call: Call) -> Answer:
    page = {"offset": 0, "limit": 20} | shape.take_parameters(call.request.pairs, PAGE)
    uids = sorted(uid for uid in call.state.indexes if call.sender.sees(uid))
    shown = uids[page["offset"] :][: page["limit"]]
    results = [_view(uid, call.state.indexes[uid]) for uid in shown]
    return answered({"results": results, **page, "total": len(uids)})


def _create(call: Call) -> Answer:
    taken = shape.take(call.json(), NEW)
    uid, key = taken["uid"], taken.get("primaryKey")
    call.sender.check_index(uid)
    return call.enqueue("indexCreation", uid, {"primaryKey": key}, key)


def _get(call: Call) -> Answer:
    return answered(_view(call.uid, call.index))


def _update(call: Call) -> Answer:
    taken = {"primaryKey": None, "uid": None} | shape.take(call.json(), CHANGE)
    details: dict[str, Any] = {"primaryKey": taken["primaryKey"]}
    if taken["uid"] is not None:
        details |= {"oldIndexUid": call.uid, "newIndexUid": taken["uid"]}
    return call.enqueue("indexUpdate", call.uid, details, taken)


def _delete(call: Call) -> Answer:
    return call.enqueue("indexDeletion", call.uid, {"deletedDocuments": None})


def _swap(call: Call) -> Answer:
    body = call.json()
    if not isinstance(body, list):
        raise MeiliError("bad_request", "Invalid value type: expected an array")
    swaps = [shape.take(swap, SWAP, at=f"[{n}]") for n, swap in enumerate(body)]
    names: list[str] = []
    for swap in swaps:
        if len(swap["indexes"]) != 2:
            message = "Two indexes must be given for each swap. The list `{}` contains {} indexes."
            listed = ", ".join(f'"{uid}"' for uid in swap["indexes"])
            raise MeiliError(
                "invalid_swap_indexes", message.format(f"[{listed}]", len(swap["indexes"]))
            )
        for uid in swap["indexes"]:
            call.sender.check_index(uid)
        names += swap["indexes"]
    twice = sorted({uid for uid in names if names.count(uid) > 1})
    if twice:
        message = (
            "Indexes must be declared only once during a swap. "
            f"`{twice[0]}` was specified several times."
        )
        raise MeiliError("invalid_swap_duplicate_index_found", message)
    content = [{"indexes": swap["indexes"], "rename": swap.get("rename", False)} for swap in swaps]
    return call.enqueue("indexSwap", None, {"swaps": content}, content)


def _stats(call: Call, uid: str, index: Index) -> dict[str, Any]:
    writing = any(
        task.index_uid == uid and task.status == "processing" for task in call.state.tasks.values()
    )
    return {
        "numberOfDocuments": len(index.stored),
        "rawDocumentDbSize": len(index.stored) * USUAL_SIZE,
        "avgDocumentSize": USUAL_SIZE if index.stored else 0,
        "isIndexing": writing,
        "numberOfEmbeddings": 0,
        "numberOfEmbeddedDocuments": 0,
        "fieldDistribution": index.field_distribution(),
    }


def _index_stats(call: Call) -> Answer:
    return answered(_stats(call, call.uid, call.index))


def _all_stats(call: Call) -> Answer:
    indexes = {
        uid: index for uid, index in sorted(call.state.indexes.items()) if call.sender.sees(uid)
    }
    size = sum(len(index.stored) for index in indexes.values()) * USUAL_SIZE
    updated = max((index.updated_at for index in indexes.values()), default=None)
    return answered(
        {
            "databaseSize": 94208 + size,
            "usedDatabaseSize": 20480 + size,
            "lastUpdate": rfc3339(updated),
            "indexes": {uid: _stats(call, uid, index) for uid, index in indexes.items()},
        }
    )


# Settings


def _settings(call: Call) -> Answer:
    return answered(call.index.settings)


def _enqueue_settings(call: Call, patch: dict[str, Any]) -> Answer:
    may_create = call.sender.may_create(call.uid)
    return call.enqueue("settingsUpdate", call.uid, dict(patch), patch, create=may_create)


def _change_settings(call: Call) -> Answer:
    return _enqueue_settings(call, setting.parse_settings(call.json()))


def _reset_settings(call: Call) -> Answer:
    patch = dict.fromkeys(setting.DEFAULTS)
    return call.enqueue("settingsUpdate", call.uid, {}, patch)


def _name(call: Call) -> str:
    name = setting.ROUTES.get(call.names["setting"])
    if name is None:
        raise MeiliError("bad_request", "No such setting.", 404)
    return name


def _setting(call: Call) -> Answer:
    return answered(call.index.settings[_name(call)])


def _change_setting(call: Call) -> Answer:
    name = _name(call)
    if (call.request.method == "PATCH") != (name in setting.PATCHED):
        return Answer(405)
    return _enqueue_settings(call, setting.parse_settings({name: call.json()}))


def _reset_setting(call: Call) -> Answer:
    name = _name(call)
    return call.enqueue("settingsUpdate", call.uid, {name: None}, {name: None})


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
