"""Refusals of the fake Meilisearch, as its error JSON: a code decides status and type."""

from typing import Any

# Every code that is not listed here is an `invalid_request` with status 400.
STATUSES: dict[str, tuple[int, str]] = {
    "api_key_already_exists": (409, "invalid_request"),
    "api_key_not_found": (404, "invalid_request"),
    "batch_not_found": (404, "invalid_request"),
    "database_size_limit_reached": (500, "internal"),
    "document_not_found": (404, "invalid_request"),
    "index_already_exists": (409, "invalid_request"),
    "index_not_found": (404, "invalid_request"),
    "internal": (500, "internal"),
    "invalid_api_key": (403, "auth"),
    "invalid_content_type": (415, "invalid_request"),
    "missing_authorization_header": (401, "auth"),
    "missing_content_type": (415, "invalid_request"),
    "missing_master_key": (401, "auth"),
    "no_space_left_on_device": (422, "system"),
    "payload_too_large": (413, "invalid_request"),
    "task_not_found": (404, "invalid_request"),
    "too_many_search_requests": (503, "system"),
}
DISK_FULL = (
    "No space left on device. This error generally happens when you have no space left on device "
    "or when your database doesn't have read or write right."
)


class MeiliError(Exception):
    """What a request, or a task, is refused with."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        usual, self.kind = STATUSES.get(code, (400, "invalid_request"))
        self.status = status or usual

    def body(self) -> dict[str, Any]:
        """Return the error JSON, which also stands in a failed task."""
        return {
            "message": self.message,
            "code": self.code,
            "type": self.kind,
            "link": f"https://docs.meilisearch.com/errors#{self.code}",
        }

    def inside(self, place: str) -> "MeiliError":
        """Return the same refusal, told to be inside a part of the request."""
        status = 400 if self.status == 404 else self.status
        return MeiliError(self.code, f"Inside `{place}`: {self.message}", status)


def index_not_found(uid: str) -> MeiliError:
    return MeiliError("index_not_found", f"Index `{uid}` not found.")


def invalid_key() -> MeiliError:
    return MeiliError("invalid_api_key", "The provided API key is invalid.")
