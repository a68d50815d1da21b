"""Turns every exception of a route into the one shape of refusal."""

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
from app.core.http.replies import Reply, new_request_id, problem_reply, reply_response

log = logging.getLogger(__name__)

_BY_STATUS = {
    400: ("malformed_request", "The request cannot be read."),
    405: ("method_not_allowed", "This address has no such method."),
    413: ("too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body's type is not supported."),
}
_FULL = ("disk is full", "no space left", "could not extend file")
_BUSY = ("database is locked", "deadlock detected", "could not serialize", "lock timeout")


def install_handlers(app: FastAPI) -> None:
    """Register a handler for each kind of exception."""
    app.add_exception_handler(Problem, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(OperationalError, _answer)
    app.add_exception_handler(Exception, _answer)


def _answer(_: Request, error: Exception) -> Response:
    return reply_response(refusal(error))


def refusal(error: Exception) -> Reply:
    """Return the answer that an exception means; the log has the same request_id."""
    request_id = new_request_id()
    return problem_reply(as_problem(error, request_id), request_id)


def as_problem(error: Exception, request_id: str = "-") -> Problem:
    """Return the problem that an exception means; internal_error for one nobody foresaw."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return invalid(*field_errors(error.errors(), error.body))
    if isinstance(error, HTTPException):
        return _http(error)
    if isinstance(error, OperationalError):
        return _database(error, request_id)
    if isinstance(error, ClientDisconnect):
        # Nobody reads this; it is no fault of ours.
        return Problem("malformed_request", "The body ended before its end.")
    log.error("request %s failed", request_id, exc_info=error)
    return Problem("internal_error", "The request failed; nothing was written.")


def _http(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return not_found()
    code, detail = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
    return Problem(code, detail, headers=dict(error.headers or {}))


def _database(error: OperationalError, request_id: str) -> Problem:
    # A full disk ends SQLite's transaction, and then the savepoint to go back to is missed: what
    # happened first says why.
    text = " ".join(str(getattr(each, "orig", each)).lower() for each in _chain(error))
    if any(word in text for word in _FULL):
        return Problem("storage_full", "The database has no room; nothing was written.")
    if any(word in text for word in _BUSY):
        message = "The database is busy; nothing was written."
        return Problem("overloaded", message, headers={"Retry-After": "1"})
    log.error("the database failed request %s", request_id, exc_info=error)
    return Problem("internal_error", "The database failed; nothing was written.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
