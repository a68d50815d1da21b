"""The exception of every refusal, which becomes a problem document (RFC 9457)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class ProblemType:
    """The meaning of a code: status, title, and what a client can do about it."""

    status: int
    title: str
    remedy: str


PROBLEMS: dict[str, ProblemType] = {
    "malformed_request": ProblemType(
        400, "The request cannot be read", "Send well-formed HTTP and UTF-8."
    ),
    "malformed_json": ProblemType(
        400,
        "The body is not JSON",
        "Send one JSON value in UTF-8, without NaN or Infinity, at most 20 levels deep.",
    ),
    "key_required": ProblemType(
        401,
        "An API key is required",
        "Send `Authorization: Bearer …` with a key that has the scope which the route names.",
    ),
    "invalid_key": ProblemType(
        401,
        "The API key is not valid",
        "The key is unknown, expired or revoked: ask its issuer for another one.",
    ),
    "missing_scope": ProblemType(
        403,
        "The API key lacks a scope",
        "Use a key that has the scope in `context.scope` for that bank.",
    ),
    "answers_not_allowed": ProblemType(
        403,
        "Answers may not be read",
        "Leave out `answers=true`, or use a key with `answers:read` for the banks concerned.",
    ),
    "origin_not_allowed": ProblemType(
        403,
        "This origin may not use the key",
        "Add the page's origin to the publishable key, or call from an allowed page.",
    ),
    "not_found": ProblemType(
        404,
        "Not found",
        "Check the address. What the caller may not see is not found either.",
    ),
    "method_not_allowed": ProblemType(
        405, "The method is not allowed", "Use one of the methods in the `Allow` header."
    ),
    "not_acceptable": ProblemType(
        406, "The representation is not available", "Accept `application/json`."
    ),
    "in_use": ProblemType(
        409, "It is in use", "Remove the references to it first; `context.count` counts them."
    ),
    "name_taken": ProblemType(
        409, "The name is taken", "Use the term in `context.slug`, or another slug, name or alias."
    ),
    "external_id_taken": ProblemType(
        409,
        "The external id is taken",
        "Change the question in `context.id`, or choose another external id.",
    ),
    "wrong_state": ProblemType(
        409, "The question's state does not allow it", "Use one of `context.applicable` instead."
    ),
    "was_published": ProblemType(
        409, "A question that was published cannot be deleted", "Archive it."
    ),
    "not_enough": ProblemType(
        409, "Too few questions match", "Ask for at most `context.matching`, or loosen the filter."
    ),
    "exam_bank": ProblemType(
        409,
        "Questions of an exam bank are visible only in attempts",
        "Leave out the bank, or set its `exposure` to `open`.",
    ),
    "quiz_running": ProblemType(
        409, "A quiz over the bank is running", "Wait until it has closed."
    ),
    "slug_taken": ProblemType(
        409, "The slug is taken", "Choose another slug, or use a key that may reuse it."
    ),
    "request_running": ProblemType(
        409,
        "The same request is running",
        "Wait for its response, then send it again with the same Idempotency-Key.",
    ),
    "resync_required": ProblemType(
        410,
        "The mark is too old",
        "Start again without it, and drop everything that the new list does not contain.",
    ),
    "revision_stale": ProblemType(
        412,
        "It was changed meanwhile",
        "Read it again, apply the change to the new state, and send its new etag.",
    ),
    "edition_ahead": ProblemType(
        412,
        "The edition does not exist",
        "The service was restored from a backup: drop the stored edition and read again.",
    ),
    "too_large": ProblemType(413, "The body is too large", "Send at most `context.limit` bytes."),
    "unsupported_media_type": ProblemType(
        415,
        "The body's type is not supported",
        "Send `application/json` (files: `multipart/form-data`), uncompressed.",
    ),
    "invalid_request": ProblemType(
        422,
        "The request is not valid",
        "Correct what `errors` lists; each entry says where and how.",
    ),
    "idempotency_mismatch": ProblemType(
        422,
        "The Idempotency-Key was used for another request",
        "Use a new key for a new request.",
    ),
    "precondition_required": ProblemType(
        428, "A precondition is required", "Send `If-Match` with the question's etag, or `*`."
    ),
    "rate_limited": ProblemType(
        429, "Too many requests", "Wait for the number of seconds in `Retry-After`."
    ),
    "too_many_jobs": ProblemType(
        429, "Too many jobs", "Wait until one of the key's jobs has ended."
    ),
    "internal_error": ProblemType(
        500, "Internal error", "Report the `request_id`; trying again may work."
    ),
    "not_caught_up": ProblemType(
        503, "The edition has not been loaded yet", "Try again after `Retry-After` seconds."
    ),
    "search_unavailable": ProblemType(
        503,
        "Search is not available",
        "Try again after `Retry-After` seconds; all other routes work meanwhile.",
    ),
    "overloaded": ProblemType(
        503, "The service is overloaded", "Try again after `Retry-After` seconds."
    ),
    "storage_full": ProblemType(
        507, "The disk is full", "Free disk space; reading works meanwhile."
    ),
}

FIELD_CODES: dict[str, str] = {
    "unknown_parameter": "The route has no such parameter; `suggestions` has similar ones.",
    "unknown_field": "The body has no such field; `suggestions` has similar ones.",
    "unknown_value": "The value is not one of the possible ones; `suggestions` has similar ones.",
    "invalid_value": "The value breaks the rule that `detail` states.",
    "missing_value": "A required value is missing.",
    "read_only": "The server sets this field: send it unchanged or leave it out.",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error in a request: where (JSON pointer or parameter), what, and similar valid values."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    suggestions: Sequence[str] = ()


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem, and so do clients
    """A refusal: a code of PROBLEMS, one sentence that says what happened, and details."""

    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    context: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return PROBLEMS[self.code].status

    def document(self, request_id: str) -> dict[str, object]:
        """Return the problem document's JSON object."""
        return {
            "type": f"/docs/errors#{self.code}",
            "title": PROBLEMS[self.code].title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
            "errors": [
                {
                    "pointer": error.pointer,
                    "parameter": error.parameter,
                    "code": error.code,
                    "detail": error.detail,
                    "suggestions": list(error.suggestions),
                }
                for error in self.errors
            ],
            "context": dict(self.context),
        }


def invalid(*errors: FieldError) -> Problem:
    """Return the 422 problem for at least one error in a request."""
    names = [error.parameter or error.pointer or "the body" for error in errors]
    return Problem("invalid_request", f"Not valid: {', '.join(dict.fromkeys(names))}.", errors)


def not_found() -> Problem:
    """Return the 404 problem, the same for what does not exist and what may not be seen."""
    return Problem("not_found", "There is nothing at this address that you may see.")


def near_misses(word: str, candidates: Iterable[str]) -> list[str]:
    """Return at most three candidates that are similar to `word`, the most similar first."""
    return get_close_matches(word.casefold(), list(dict.fromkeys(candidates)), n=3, cutoff=0.6)
