"""Turns every exception of a route into a problem document."""

import logging
from collections.abc import Iterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.core.errors import Problem, invalid, not_found
from app.core.field_errors import field_errors
from app.core.http.replies import Reply, problem_reply, reply_response
from app.core.http.request_context import request_context

log = logging.getLogger(__name__)

_BY_STATUS = {
    400: ("malformed_request", "The request cannot be read."),
    405: ("method_not_allowed", "This address does not have this method."),
    413: ("too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body's type is not supported."),
}
# Words in the drivers' messages.
_STORAGE_FULL = ("disk is full", "no space left", "could not extend file")
_OVERLOADED = ("database is locked", "deadlock detected", "could not serialize", "lock timeout")


def install_handlers(app: FastAPI) -> None:
    """Register the handler for each kind of exception."""
    for kind in (Problem, RequestValidationError, HTTPException, OperationalError, Exception):
        app.add_exception_handler(kind, _handle)


def _handle(request: Request, error: Exception) -> Response:
    return reply_response(error_reply(error, request_context(request).request_id))


def error_reply(error: Exception, request_id: str) -> Reply:
    """Return the problem document for an exception."""
    return problem_reply(as_problem(error), request_id)


def as_problem(error: Exception) -> Problem:
    """Return the problem for an exception; internal_error, and a log entry, if unexpected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return invalid(*field_errors(error.errors(), error.body))
    if isinstance(error, HTTPException):
        return _http_problem(error)
    if isinstance(error, OperationalError):
        return _database_problem(error)
    if isinstance(error, ClientDisconnect):
        # Nobody reads this response, and the service is not at fault.
        return Problem("malformed_request", "The connection closed before the body was complete.")
    log.error("the request failed", exc_info=error)
    return Problem("internal_error", "The request failed; nothing was written.")


def _http_problem(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return not_found()
    code, detail = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
    return Problem(code, detail, headers=dict(error.headers or {}))


def _database_problem(error: OperationalError) -> Problem:
    # A full disk ends SQLite's transaction. Then the rollback to a savepoint fails as well, so the
    # cause is somewhere in the chain of exceptions.
    text = " ".join(str(getattr(each, "orig", each)).lower() for each in _chain(error))
    if any(words in text for words in _STORAGE_FULL):
        return Problem("storage_full", "The database's disk is full; nothing was written.")
    if any(words in text for words in _OVERLOADED):
        message = "The database is busy; nothing was written."
        return Problem("overloaded", message, headers={"Retry-After": "1"})
    log.error("the database failed", exc_info=error)
    return Problem("internal_error", "The database failed; nothing was written.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
