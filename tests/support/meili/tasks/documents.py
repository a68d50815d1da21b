"""The ids and primary keys of documents, and how documents are written into an index."""

import json
from typing import Any

from tests.support.meili.engine.index import Index
from tests.support.meili.errors import MeiliError

INVALID_ID = (
    "is invalid. A document identifier can be of type integer or string, only composed of "
    "alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more "
    "than 511 bytes."
)


def external_id(value: Any) -> str:
    """Return a document's id as a string; MeiliError for an invalid id."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    is_valid = (
        isinstance(value, str)
        and 0 < len(value.encode()) < 512
        and all(c.isascii() and (c.isalnum() or c in "-_") for c in value)
    )
    if not is_valid:
        shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        raise MeiliError("invalid_document_id", f"Document identifier `{shown}` {INVALID_ID}")
    return str(value)


def with_ids(documents: list[dict[str, Any]], primary_key: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (id, document) pairs; MeiliError if any id is missing or invalid."""
    pairs = []
    for document in documents:
        if primary_key not in document:
            shown = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            message = f"Document doesn't have a `{primary_key}` attribute: `{shown}`."
            raise MeiliError("missing_document_id", message)
        pairs.append((external_id(document[primary_key]), document))
    return pairs


def choose_primary_key(uid: str, index: Index, given: str | None, first: dict[str, Any]) -> str:
    """Return the primary key: the index's own, the given one, or one inferred from a document."""
    if index.primary_key:
        if given and given != index.primary_key:
            message = f"Index `{uid}`: Index already has a primary key: `{index.primary_key}`."
            raise MeiliError("index_primary_key_already_exists", message)
        return index.primary_key
    if given:
        return given
    candidates = sorted(name for name in first if name.lower().endswith("id"))
    if not candidates:
        message = (
            f"Index `{uid}`: The primary key inference failed as the engine did not find any "
            "field ending with `id` in its name. Please specify the primary key manually using "
            "the `primaryKey` query parameter."
        )
        raise MeiliError("index_primary_key_no_candidate_found", message)
    if len(candidates) > 1:
        message = (
            f"Index `{uid}`: The primary key inference failed as the engine found "
            f"{len(candidates)} fields ending with `id` in their names: '{candidates[0]}' and "
            f"'{candidates[1]}'. Please specify the primary key manually using the `primaryKey` "
            "query parameter."
        )
        raise MeiliError("index_primary_key_multiple_candidates_found", message)
    return candidates[0]


def write_documents(
    draft: Index, pairs: list[tuple[str, dict[str, Any]]], merge: bool, create: bool
) -> int:
    """Add, replace or merge documents in a draft; return the number of different ids."""
    for document_id, document in pairs:
        old = draft.document(document_id)
        if old is None and not create:
            continue
        draft.put(document_id, {**(old or {}), **document} if merge else document)
    return len({document_id for document_id, _ in pairs})
