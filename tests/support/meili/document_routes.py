"""Routes of documents and searches."""

import json
from functools import partial
from typing import Any

from tests.support.meili import federation, searching, shape
from tests.support.meili.applying import Addition
from tests.support.meili.documents import content_kind, parse_documents
from tests.support.meili.errors import MeiliError, invalid_key
from tests.support.meili.filtering import filtered
from tests.support.meili.filters import parse_any
from tests.support.meili.hits import FIELDS, check_sort
from tests.support.meili.index import Index
from tests.support.meili.ranking import sort_values
from tests.support.meili.server import Call, Route, answered
from tests.support.meili.wire import Answer

_text = shape.string
WRITE = {
    "primaryKey": shape.Field(_text, "invalid_index_primary_key"),
    "csvDelimiter": shape.Field(_text, "invalid_document_csv_delimiter"),
    "customMetadata": shape.Field(_text, "invalid_index_custom_metadata"),
    "skipCreation": shape.Field(shape.boolean_text, "invalid_skip_creation"),
}
DELETE = {"customMetadata": WRITE["customMetadata"]}
BY_FILTER = {
    "filter": shape.Field(shape.anything, "invalid_document_filter", "missing_document_filter")
}
FETCH = {
    "offset": shape.Field(shape.uint, "invalid_document_offset"),
    "limit": shape.Field(shape.uint, "invalid_document_limit"),
    "fields": shape.Field(shape.nullable(shape.list_of(shape.string)), "invalid_document_fields"),
    "retrieveVectors": shape.Field(shape.boolean, "invalid_document_retrieve_vectors"),
    "ids": shape.Field(shape.nullable(shape.list_of(shape.anything)), "invalid_document_ids"),
    "filter": shape.Field(shape.anything, "invalid_document_filter"),
    "sort": shape.Field(shape.nullable(shape.list_of(shape.string)), "invalid_document_sort"),
}


def _names(text: Any, at: str) -> list[str] | None:
    return None if text == "*" else str(text).split(",")


BROWSE = {
    "offset": shape.Field(shape.uint_text, "invalid_document_offset"),
    "limit": shape.Field(shape.uint_text, "invalid_document_limit"),
    "fields": shape.Field(_names, "invalid_document_fields"),
    "retrieveVectors": shape.Field(shape.boolean_text, "invalid_document_retrieve_vectors"),
    "ids": shape.Field(_names, "invalid_document_ids"),
    "filter": shape.Field(_text, "invalid_document_filter"),
    "sort": shape.Field(_names, "invalid_document_sort"),
}
ONE = {name: BROWSE[name] for name in ("fields", "retrieveVectors")}


def _write(call: Call, merge: bool) -> Answer:
    asked = shape.take_parameters(call.request.pairs, WRITE)
    kind = content_kind(call.request.headers.get("content-type"))
    found = parse_documents(call.payload(), kind)
    create = not asked.get("skipCreation", False)
    return call.enqueue(
        "documentAdditionOrUpdate",
        call.uid,
        {"receivedDocuments": len(found), "indexedDocuments": None},
        Addition(found, asked.get("primaryKey"), merge, create),
        create=call.sender.may_create(call.uid),
        metadata=asked.get("customMetadata"),
    )


def _replace(call: Call) -> Answer:
    return _write(call, merge=False)


def _merge(call: Call) -> Answer:
    return _write(call, merge=True)


def _enqueue_deletion(call: Call, ids: int, content: Any, original: Any = None) -> Answer:
    asked = shape.take_parameters(call.request.pairs, DELETE)
    details = {
        "providedIds": ids,
        "deletedDocuments": None,
        "originalFilter": None if original is None else json.dumps(original, ensure_ascii=False),
    }
    if content == "all":
        details = {"deletedDocuments": None}
    metadata = asked.get("customMetadata")
    return call.enqueue("documentDeletion", call.uid, details, content, metadata=metadata)


def _delete_one(call: Call) -> Answer:
    return _enqueue_deletion(call, 1, [call.names["id"]])


def _delete_batch(call: Call) -> Answer:
    ids = call.json()
    if not isinstance(ids, list):
        raise MeiliError("malformed_payload", "The json payload provided is malformed.")
    return _enqueue_deletion(call, len(ids), [str(one) for one in ids])


def _delete_filtered(call: Call) -> Answer:
    taken = shape.take(call.json(), BY_FILTER)
    parse_any(taken["filter"], "invalid_document_filter")
    return _enqueue_deletion(call, 0, taken, taken["filter"])


def _delete_all(call: Call) -> Answer:
    return _enqueue_deletion(call, 0, "all")


def _get(call: Call) -> Answer:
    asked = shape.take_parameters(call.request.pairs, ONE)
    values = call.index.document(call.names["id"])
    if values is None:
        raise MeiliError("document_not_found", f"Document `{call.names['id']}` not found.")
    return answered(_picked(values, asked.get("fields")))


def _picked(values: dict[str, Any], names: list[str] | None) -> dict[str, Any]:
    if names is None or "*" in names:
        return values
    return {name: value for name, value in values.items() if name in names}


def _fetch(call: Call) -> Answer:
    return answered(_documents(call.index, shape.take(call.json(), FETCH)))


def _browse(call: Call) -> Answer:
    return answered(_documents(call.index, shape.take_parameters(call.request.pairs, BROWSE)))


def _documents(index: Index, asked: dict[str, Any]) -> dict[str, Any]:
    offset, limit = asked.get("offset", 0), asked.get("limit", 20)
    held = index.everything
    if asked.get("filter") is not None:
        held = filtered(index, asked["filter"], "invalid_document_filter")
    if asked.get("ids") is not None:
        wanted = (index.numbers.get(str(one)) for one in asked["ids"])
        held = held & type(held)(number for number in wanted if number is not None)
    numbers = list(held)
    for sort in reversed(asked.get("sort") or []):
        check_sort(sort, index.settings["sortableAttributes"], "invalid_document_sort", "")
        name, _, direction = sort.rpartition(":")
        numbers.sort(key=partial(_order, index, name), reverse=direction == "desc")
    shown = [index.stored[number].values for number in numbers[offset : offset + limit]]
    results = [_picked(values, asked.get("fields")) for values in shown]
    return {"results": results, "offset": offset, "limit": limit, "total": len(numbers)}


def _order(index: Index, name: str, number: int) -> tuple[int, Any]:
    value = sort_values(index.stored[number].values, name)
    if isinstance(value, int | float):
        return 0, value
    return (1, value) if isinstance(value, str) else (2, 0)


# Searches


def _search(call: Call) -> Answer:
    uid = call.uid
    return answered(searching.search(uid, call.state.index(uid), shape.take(call.json(), FIELDS)))


def _search_by_get(call: Call) -> Answer:
    asked: dict[str, Any] = {}
    for name, text in call.request.pairs:
        asked[name] = _read(name, text)
    uid = call.uid
    return answered(searching.search(uid, call.state.index(uid), shape.take(asked, FIELDS)))


def _read(name: str, text: str) -> Any:
    check = FIELDS[name].check if name in FIELDS else shape.string
    if check is shape.uint or name in ("page", "hitsPerPage"):
        return int(text) if text.isdigit() else text
    if check is shape.boolean:
        return {"true": True, "false": False}.get(text, text)
    listed = name.startswith("attributesTo") or name in ("facets", "sort", "locales")
    return text.split(",") if listed else text


def _facet_search(call: Call) -> Answer:
    uid, index = call.uid, call.index
    return answered(
        searching.facet_search(uid, index, shape.take(call.json(), searching.FACET_FIELDS))
    )


def _multi_search(call: Call) -> Answer:
    def allowed(uid: str) -> None:
        if not call.sender.sees(uid):
            raise invalid_key()

    return answered(federation.multi_search(call.json(), call.state.index, allowed))


_DOCUMENTS = "/indexes/{uid}/documents"
ROUTES = [
    Route("POST", f"{_DOCUMENTS}/delete-batch", "documents.delete", _delete_batch),
    Route("POST", f"{_DOCUMENTS}/delete", "documents.delete", _delete_filtered),
    Route("POST", f"{_DOCUMENTS}/fetch", "documents.get", _fetch, searching=True),
    Route("POST", _DOCUMENTS, "documents.add", _replace),
    Route("PUT", _DOCUMENTS, "documents.add", _merge),
    Route("GET", _DOCUMENTS, "documents.get", _browse),
    Route("DELETE", _DOCUMENTS, "documents.delete", _delete_all),
    Route("GET", f"{_DOCUMENTS}/{{id}}", "documents.get", _get),
    Route("DELETE", f"{_DOCUMENTS}/{{id}}", "documents.delete", _delete_one),
    Route("POST", "/indexes/{uid}/search", "search", _search, searching=True),
    Route("GET", "/indexes/{uid}/search", "search", _search_by_get, searching=True),
    Route("POST", "/indexes/{uid}/facet-search", "search", _facet_search, searching=True),
    Route("POST", "/multi-search", "search", _multi_search, searching=True),
]
