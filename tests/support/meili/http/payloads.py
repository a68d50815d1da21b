"""Parses the bodies of requests: JSON, and documents as JSON or NDJSON."""

import json
from typing import Any

from tests.support.meili.errors import MeiliError

DOCUMENT_TYPES = ("application/json", "application/x-ndjson", "text/csv")
ACCEPTED_TYPES = "Accepted values for the Content-Type header are: " + ", ".join(
    f"`{t}`" for t in DOCUMENT_TYPES
)


def document_format(content_type: str | None) -> str:
    """Return `json` or `ndjson` for a Content-Type header; MeiliError for any other type."""
    if not content_type:
        raise MeiliError(
            "missing_content_type", f"A Content-Type header is missing. {ACCEPTED_TYPES}"
        )
    media_type = content_type.split(";")[0].strip().lower()
    formats = {"application/json": "json", "application/x-ndjson": "ndjson"}
    if media_type not in formats:
        message = f"The Content-Type `{media_type}` is invalid. {ACCEPTED_TYPES}"
        raise MeiliError("invalid_content_type", message)
    return formats[media_type]


def _syntax_error(error: json.JSONDecodeError) -> str:
    """Return the message of the real server about invalid JSON, with its position."""
    before = error.doc[: error.pos]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1)
    if not error.doc[error.pos :].strip():
        line, column = error.doc.count("\n") + 1, len(error.doc.rpartition("\n")[2])
        return f"EOF while parsing a value at line {line} column {column}"
    return f"expected value at line {line} column {column + 1}"


def parse_json(body: bytes) -> Any:
    """Parse a JSON body that does not hold documents."""
    if not body:
        raise MeiliError("missing_payload", "A json payload is missing.")
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        message = f"The json payload provided is malformed. `{_syntax_error(error)}`."
        raise MeiliError("malformed_payload", message) from None
    except UnicodeDecodeError:
        message = "The json payload provided is malformed. `invalid unicode code point`."
        raise MeiliError("malformed_payload", message) from None


def parse_documents(body: bytes, kind: str) -> list[dict[str, Any]]:
    """Parse a payload of documents; only its syntax is checked."""
    if not body:
        raise MeiliError("missing_payload", f"A {kind} payload is missing.")
    try:
        values = _parse_ndjson(body.decode()) if kind == "ndjson" else json.loads(body)
    except UnicodeDecodeError:
        raise _malformed(kind, "invalid unicode code point") from None
    except json.JSONDecodeError as error:
        raise _malformed(kind, _syntax_error(error)) from None
    documents = values if isinstance(values, list) else [values]
    if not all(isinstance(document, dict) for document in documents):
        raise _malformed(kind, "invalid type, expected a map")
    return documents


def _malformed(kind: str, reason: str) -> MeiliError:
    message = (
        f"The `{kind}` payload provided is malformed. "
        f"`Couldn't serialize document value: {reason}`."
    )
    return MeiliError("malformed_payload", message)


def _parse_ndjson(text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    values: list[Any] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return values
        value, position = decoder.raw_decode(text, position)
        values.append(value)
