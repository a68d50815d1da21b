"""Pure: classifies the failures of a Meilisearch server by their error code."""

from enum import Enum


class FailureKind(Enum):
    """How the sender reacts to a failure; the value is the condition that operators read."""

    UNAVAILABLE = "down"  # retry; the server may or may not have accepted the request
    UNAUTHORIZED = "refused"  # the key is not valid: perhaps the server was wiped
    INDEX_MISSING = "missing"
    TASK_MISSING = "forgotten"  # the server was wiped, restored, or its tasks were deleted
    STORAGE_FULL = "full"  # retry much later
    TOO_LARGE = "too_large"  # send fewer documents in one request
    DOCUMENT_REJECTED = "poison"  # one of the documents cannot be indexed
    INVALID_REQUEST = "ours"  # the settings or the request are wrong


_CODES = {
    FailureKind.UNAUTHORIZED: (
        "missing_authorization_header missing_master_key invalid_api_key api_key_not_found"
    ),
    FailureKind.INDEX_MISSING: "index_not_found",
    FailureKind.TASK_MISSING: "task_not_found",
    FailureKind.STORAGE_FULL: (
        "no_space_left_on_device io_error too_many_open_files database_size_limit_reached "
        "invalid_store_file"
    ),
    FailureKind.TOO_LARGE: "payload_too_large",
    FailureKind.DOCUMENT_REJECTED: (
        "malformed_payload invalid_document_id missing_document_id invalid_document_fields "
        "max_fields_limit_exceeded invalid_document_geo_field vector_embedding_error "
        "index_primary_key_no_candidate_found index_primary_key_multiple_candidates_found"
    ),
}
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
# The server reports these as its own, temporary faults.
_TEMPORARY_CODES = frozenset({"internal", "too_many_search_requests", "dump_process_failed"})


class ServerError(Exception):
    """A failed request or task; the message is the server's and holds no secret."""

    def __init__(
        self,
        kind: FailureKind,
        code: str,
        message: str,
        *,
        retry_after: float = 0.0,
        outcome_unknown: bool = False,
    ) -> None:
        """Create the error.

        `retry_after` is the pause in seconds that the server asks for. `outcome_unknown`: the
        server may have accepted the request.
        """
        super().__init__(f"{code}: {message}"[:500])
        self.kind = kind
        self.code = code
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


def classify_failure(code: str | None, status: int = 500) -> FailureKind:
    """Return the kind of an error code; the HTTP status decides only where there is no code."""
    if code is None:
        return FailureKind.TOO_LARGE if status == 413 else FailureKind.UNAVAILABLE
    kind = _KINDS.get(code)
    if kind is not None:
        return kind
    if code in _TEMPORARY_CODES or status >= 500:
        return FailureKind.UNAVAILABLE
    return FailureKind.INVALID_REQUEST


def task_failure(error: dict[str, str]) -> ServerError:
    """Return the failure that a task's `error` describes."""
    code = error.get("code") or "internal"
    status = 400 if error.get("type") == "invalid_request" else 500
    return ServerError(classify_failure(code, status), code, error.get("message") or "")
