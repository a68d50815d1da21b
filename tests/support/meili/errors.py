"""The errors of the fake server; the error code determines the HTTP status and the type."""

from typing import Any

# Codes that are not listed are `invalid_request` with status 400.
STATUS_AND_TYPE: dict[str, tuple[int, str]] = {
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
    """The error of a request or task."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        default_status, self.error_type = STATUS_AND_TYPE.get(code, (400, "invalid_request"))
        self.status = status or default_status

    def body(self) -> dict[str, Any]:
        """Return the error as JSON, also used in failed tasks."""
        return {
            "message": self.message,
            "code": self.code,
            "type": self.error_type,
            "link": f"https://docs.meilisearch.com/errors#{self.code}",
        }

    def inside(self, path: str) -> "MeiliError":
        """Return the same error with the path of the part of the request that caused it."""
        status = 400 if self.status == 404 else self.status
        return MeiliError(self.code, f"Inside `{path}`: {self.message}", status)


def index_not_found(uid: str) -> MeiliError:
    return MeiliError("index_not_found", f"Index `{uid}` not found.")


def invalid_key() -> MeiliError:
    return MeiliError("invalid_api_key", "The provided API key is invalid.")
