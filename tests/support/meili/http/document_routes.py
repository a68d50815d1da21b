"""The routes of documents."""

import json
from functools import partial
from typing import Any

from tests.support.meili import validation
from tests.support.meili.engine.filter_evaluation import documents_matching
from tests.support.meili.engine.filter_parser import parse_filter
from tests.support.meili.engine.index import Index
from tests.support.meili.engine.index_search import check_sort
from tests.support.meili.engine.ranking import sort_value
from tests.support.meili.errors import MeiliError
from tests.support.meili.http.listener import Response
from tests.support.meili.http.payloads import document_format, parse_documents
from tests.support.meili.http.server import RequestContext, Route, json_response
from tests.support.meili.tasks.apply import Addition

_strings = validation.nullable(validation.list_of(validation.string))
_values = validation.nullable(validation.list_of(validation.anything))


def _comma_separated(text: Any, at: str) -> list[str] | None:
    return None if text == "*" else str(text).split(",")


WRITE_FIELDS = {
    "primaryKey": validation.Field(validation.string, "invalid_index_primary_key"),
    "csvDelimiter": validation.Field(validation.string, "invalid_document_csv_delimiter"),
    "customMetadata": validation.Field(validation.string, "invalid_index_custom_metadata"),
    "skipCreation": validation.Field(validation.boolean_text, "invalid_skip_creation"),
}
DELETE_FIELDS = {"customMetadata": WRITE_FIELDS["customMetadata"]}
DELETE_BY_FILTER_FIELDS = {
    "filter": validation.Field(
        validation.anything, "invalid_document_filter", "missing_document_filter"
    )
}
# Fetching by POST takes a JSON body, by GET a query string.
FETCH_FIELDS = {
    "offset": validation.Field(validation.unsigned, "invalid_document_offset"),
    "limit": validation.Field(validation.unsigned, "invalid_document_limit"),
    "fields": validation.Field(_strings, "invalid_document_fields"),
    "retrieveVectors": validation.Field(validation.boolean, "invalid_document_retrieve_vectors"),
    "ids": validation.Field(_values, "invalid_document_ids"),
    "filter": validation.Field(validation.anything, "invalid_document_filter"),
    "sort": validation.Field(_strings, "invalid_document_sort"),
}
FETCH_BY_GET_FIELDS = {
    "offset": validation.Field(validation.unsigned_text, "invalid_document_offset"),
    "limit": validation.Field(validation.unsigned_text, "invalid_document_limit"),
    "fields": validation.Field(_comma_separated, "invalid_document_fields"),
    "retrieveVectors": validation.Field(
        validation.boolean_text, "invalid_document_retrieve_vectors"
    ),
    "ids": validation.Field(_comma_separated, "invalid_document_ids"),
    "filter": validation.Field(validation.string, "invalid_document_filter"),
    "sort": validation.Field(_comma_separated, "invalid_document_sort"),
}
GET_FIELDS = {name: FETCH_BY_GET_FIELDS[name] for name in ("fields", "retrieveVectors")}


def _enqueue_addition(context: RequestContext, merge: bool) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, WRITE_FIELDS)
    payload_format = document_format(context.request.headers.get("content-type"))
    documents = parse_documents(context.payload(), payload_format)
    create = not parameters.get("skipCreation", False)
    return context.enqueue(
        "documentAdditionOrUpdate",
        context.uid,
        {"receivedDocuments": len(documents), "indexedDocuments": None},
        Addition(documents, parameters.get("primaryKey"), merge, create),
        create=context.credentials.may_create_index(context.uid),
        metadata=parameters.get("customMetadata"),
    )


def _replace(context: RequestContext) -> Response:
    return _enqueue_addition(context, merge=False)


def _merge(context: RequestContext) -> Response:
    return _enqueue_addition(context, merge=True)


def _enqueue_deletion(
    context: RequestContext, id_count: int, content: Any, original_filter: Any = None
) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, DELETE_FIELDS)
    shown_filter = None
    if original_filter is not None:
        shown_filter = json.dumps(original_filter, ensure_ascii=False)
    details = {
        "providedIds": id_count,
        "deletedDocuments": None,
        "originalFilter": shown_filter,
    }
    if content == "all":
        details = {"deletedDocuments": None}
    metadata = parameters.get("customMetadata")
    return context.enqueue("documentDeletion", context.uid, details, content, metadata=metadata)


def _delete_one(context: RequestContext) -> Response:
    return _enqueue_deletion(context, 1, [context.names["id"]])


def _delete_batch(context: RequestContext) -> Response:
    ids = context.json()
    if not isinstance(ids, list):
        raise MeiliError("malformed_payload", "The json payload provided is malformed.")
    return _enqueue_deletion(context, len(ids), [str(document_id) for document_id in ids])


def _delete_by_filter(context: RequestContext) -> Response:
    body = validation.parse_object(context.json(), DELETE_BY_FILTER_FIELDS)
    parse_filter(body["filter"], "invalid_document_filter")
    return _enqueue_deletion(context, 0, body, body["filter"])


def _delete_all(context: RequestContext) -> Response:
    return _enqueue_deletion(context, 0, "all")


def _get(context: RequestContext) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, GET_FIELDS)
    values = context.index.document(context.names["id"])
    if values is None:
        raise MeiliError("document_not_found", f"Document `{context.names['id']}` not found.")
    return json_response(_select_fields(values, parameters.get("fields")))


def _select_fields(values: dict[str, Any], names: list[str] | None) -> dict[str, Any]:
    if names is None or "*" in names:
        return values
    return {name: value for name, value in values.items() if name in names}


def _fetch(context: RequestContext) -> Response:
    parameters = validation.parse_object(context.json(), FETCH_FIELDS)
    return json_response(_fetch_documents(context.index, parameters))


def _fetch_by_get(context: RequestContext) -> Response:
    parameters = validation.parse_query(context.request.query_pairs, FETCH_BY_GET_FIELDS)
    return json_response(_fetch_documents(context.index, parameters))


def _fetch_documents(index: Index, parameters: dict[str, Any]) -> dict[str, Any]:
    offset, limit = parameters.get("offset", 0), parameters.get("limit", 20)
    matching = index.all_documents
    if parameters.get("filter") is not None:
        matching = documents_matching(index, parameters["filter"], "invalid_document_filter")
    if parameters.get("ids") is not None:
        wanted = (index.numbers.get(str(document_id)) for document_id in parameters["ids"])
        matching = matching & type(matching)(number for number in wanted if number is not None)
    numbers = list(matching)
    for sort in reversed(parameters.get("sort") or []):
        check_sort(sort, index.settings["sortableAttributes"], "invalid_document_sort", "")
        name, _, direction = sort.rpartition(":")
        numbers.sort(key=partial(_sort_key, index, name), reverse=direction == "desc")
    page = [index.stored[number].values for number in numbers[offset : offset + limit]]
    results = [_select_fields(values, parameters.get("fields")) for values in page]
    return {"results": results, "offset": offset, "limit": limit, "total": len(numbers)}


def _sort_key(index: Index, name: str, number: int) -> tuple[int, Any]:
    value = sort_value(index.stored[number].values, name)
    if isinstance(value, int | float):
        return 0, value
    return (1, value) if isinstance(value, str) else (2, 0)


_DOCUMENTS = "/indexes/{uid}/documents"
ROUTES = [
    Route("POST", f"{_DOCUMENTS}/delete-batch", "documents.delete", _delete_batch),
    Route("POST", f"{_DOCUMENTS}/delete", "documents.delete", _delete_by_filter),
    Route("POST", f"{_DOCUMENTS}/fetch", "documents.get", _fetch, is_search=True),
    Route("POST", _DOCUMENTS, "documents.add", _replace),
    Route("PUT", _DOCUMENTS, "documents.add", _merge),
    Route("GET", _DOCUMENTS, "documents.get", _fetch_by_get),
    Route("DELETE", _DOCUMENTS, "documents.delete", _delete_all),
    Route("GET", f"{_DOCUMENTS}/{{id}}", "documents.get", _get),
    Route("DELETE", f"{_DOCUMENTS}/{{id}}", "documents.delete", _delete_one),
]
