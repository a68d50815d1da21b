"""Payloads of documents, their ids, and what a document task does to a draft."""

import json
from typing import Any

from tests.support.meili.errors import MeiliError
from tests.support.meili.index import Index

TYPES = ("application/json", "application/x-ndjson", "text/csv")
ACCEPTED = "Accepted values for the Content-Type header are: " + ", ".join(f"`{t}`" for t in TYPES)
BAD_ID = (
    "is invalid. A document identifier can be of type integer or string, only composed of "
    "alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more "
    "than 511 bytes."
)


def content_kind(content_type: str | None) -> str:
    """Return `json` or `ndjson`; anything else is refused."""
    if not content_type:
        raise MeiliError("missing_content_type", f"A Content-Type header is missing. {ACCEPTED}")
    plain = content_type.split(";")[0].strip().lower()
    kinds = {"application/json": "json", "application/x-ndjson": "ndjson"}
    if plain not in kinds:
        message = f"The Content-Type `{plain}` is invalid. {ACCEPTED}"
        raise MeiliError("invalid_content_type", message)
    return kinds[plain]


def json_trouble(error: json.JSONDecodeError) -> str:
    """Say where JSON is wrong in the words of the real server."""
    before = error.doc[: error.pos]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1)
    if not error.doc[error.pos :].strip():
        line, column = error.doc.count("\n") + 1, len(error.doc.rpartition("\n")[2])
        return f"EOF while parsing a value at line {line} column {column}"
    return f"expected value at line {line} column {column + 1}"


def parse_json(body: bytes) -> Any:
    """Parse the JSON body of any other route."""
    if not body:
        raise MeiliError("missing_payload", "A json payload is missing.")
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        message = f"The json payload provided is malformed. `{json_trouble(error)}`."
        raise MeiliError("malformed_payload", message) from None
    except UnicodeDecodeError:
        message = "The json payload provided is malformed. `invalid unicode code point`."
        raise MeiliError("malformed_payload", message) from None


def parse_documents(body: bytes, kind: str) -> list[dict[str, Any]]:
    """Parse a payload of documents; nothing but its syntax is checked."""
    if not body:
        raise MeiliError("missing_payload", f"A {kind} payload is missing.")
    try:
        values = _ndjson(body.decode()) if kind == "ndjson" else json.loads(body)
    except UnicodeDecodeError:
        raise _malformed(kind, "invalid unicode code point") from None
    except json.JSONDecodeError as error:
        raise _malformed(kind, json_trouble(error)) from None
    documents = values if isinstance(values, list) else [values]
    if not all(isinstance(document, dict) for document in documents):
        raise _malformed(kind, "invalid type, expected a map")
    return documents


def _malformed(kind: str, trouble: str) -> MeiliError:
    message = (
        f"The `{kind}` payload provided is malformed. "
        f"`Couldn't serialize document value: {trouble}`."
    )
    return MeiliError("malformed_payload", message)


def _ndjson(text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    values: list[Any] = []
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            return values
        value, place = decoder.raw_decode(text, place)
        values.append(value)


def external_id(value: Any) -> str:
    """Return a document's id as the server compares it; MeiliError when it can be none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    good = (
        isinstance(value, str)
        and 0 < len(value.encode()) < 512
        and all(c.isascii() and (c.isalnum() or c in "-_") for c in value)
    )
    if not good:
        shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        raise MeiliError("invalid_document_id", f"Document identifier `{shown}` {BAD_ID}")
    return str(value)


def identified(
    documents: list[dict[str, Any]], primary_key: str
) -> list[tuple[str, dict[str, Any]]]:
    """Pair documents with their ids; one bad one refuses them all."""
    pairs = []
    for document in documents:
        if primary_key not in document:
            shown = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            message = f"Document doesn't have a `{primary_key}` attribute: `{shown}`."
            raise MeiliError("missing_document_id", message)
        pairs.append((external_id(document[primary_key]), document))
    return pairs


def choose_primary_key(uid: str, index: Index, wanted: str | None, first: dict[str, Any]) -> str:
    """Return the primary key of an index, given, known or guessed from a document."""
    if index.primary_key:
        if wanted and wanted != index.primary_key:
            message = f"Index `{uid}`: Index already has a primary key: `{index.primary_key}`."
            raise MeiliError("index_primary_key_already_exists", message)
        return index.primary_key
    if wanted:
        return wanted
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


def write(draft: Index, pairs: list[tuple[str, dict[str, Any]]], merge: bool, create: bool) -> int:
    """Write documents into a draft and return how many ids there were."""
    for external, document in pairs:
        old = draft.document(external)
        if old is None and not create:
            continue
        draft.put(external, {**(old or {}), **document} if merge else document)
    return len({external for external, _ in pairs})
