"""Pure: what went wrong between us and a Meilisearch server, told by its code alone."""

from enum import Enum, auto


class Kind(Enum):
    """What a failure means for whoever sent the request."""

    DOWN = auto()  # ask again later; the request may or may not have been taken
    REFUSED = auto()  # the key is not valid now: perhaps the server was wiped
    MISSING = auto()  # the index is not there
    FORGOTTEN = auto()  # the task is not there: the server was wiped, restored or purged
    FULL = auto()  # no space: ask again much later
    TOO_LARGE = auto()  # send less at once
    POISON = auto()  # one of the documents cannot be taken
    OURS = auto()  # settings or request are not what the server wants


_CODES = {
    Kind.REFUSED: (
        "missing_authorization_header missing_master_key invalid_api_key api_key_not_found"
    ),
    Kind.MISSING: "index_not_found",
    Kind.FORGOTTEN: "task_not_found",
    Kind.FULL: (
        "no_space_left_on_device io_error too_many_open_files database_size_limit_reached "
        "invalid_store_file"
    ),
    Kind.TOO_LARGE: "payload_too_large",
    Kind.POISON: (
        "malformed_payload invalid_document_id missing_document_id invalid_document_fields "
        "max_fields_limit_exceeded invalid_document_geo_field vector_embedding_error "
        "index_primary_key_no_candidate_found index_primary_key_multiple_candidates_found"
    ),
}
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes.split()}


class ServerError(Exception):
    """A request or task that failed; the message is the server's, and holds no key of ours."""

    def __init__(
        self, kind: Kind, code: str, message: str, *, retry_after: float = 0.0, lost: bool = False
    ) -> None:
        """Keep what is known; `lost`: the server may have taken the request all the same."""
        super().__init__(f"{code}: {message}"[:500])
        self.kind = kind
        self.code = code
        self.retry_after = retry_after
        self.lost = lost


def kind_of(code: str | None, status: int = 500) -> Kind:
    """Return what an answer's code means; the status tells only where there is no code."""
    if code is None:
        return Kind.TOO_LARGE if status == 413 else Kind.DOWN
    found = _KINDS.get(code)
    if found is not None:
        return found
    # What the server calls its own fault ends with time; everything else is a fault of ours.
    transient = {"internal", "too_many_search_requests", "dump_process_failed"}
    return Kind.DOWN if code in transient or status >= 500 else Kind.OURS


def task_failure(error: dict[str, str]) -> ServerError:
    """Return the failure in a task's `error`."""
    code = error.get("code") or "internal"
    status = 400 if error.get("type") == "invalid_request" else 500
    return ServerError(kind_of(code, status), code, error.get("message") or "")
