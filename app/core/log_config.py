"""How the service logs: level, format, and the id of the request that is handled."""

import logging
import logging.config
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from app.core.settings import Settings

ACCESS_LOGGER = "quizwell.access"
NO_REQUEST = "-"


class Identified(Protocol):
    """A request that has an id."""

    @property
    def request_id(self) -> str:
        """The id, which a problem document has as well."""


_current_request: ContextVar[Identified | None] = ContextVar("current_request", default=None)


@contextmanager
def handling(request: Identified) -> Iterator[None]:
    """Name a request in all log entries while the block runs, also in threads that it starts.

    This costs a hundredth of a response from memory. So the edge leaves it out around fast routes
    that succeed; they log nothing.
    """
    token = _current_request.set(request)
    try:
        yield
    finally:
        _current_request.reset(token)


def current_request_id() -> str:
    """Return the id of the request that is handled, or `-`."""
    request = _current_request.get()
    return NO_REQUEST if request is None else request.request_id


class TextFormatter(logging.Formatter):
    """Lines for people: time in UTC, level, logger, request id, message; then a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; line breaks in the message are escaped."""
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = (
            f"{_time(record)} {record.levelname} {record.name} [{current_request_id()}] {message}"
        )
        traceback = self._traceback(record)
        return f"{line}\n{traceback}" if traceback else line

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonFormatter(TextFormatter):
    """One JSON object a line, with the fields of an access log entry beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line."""
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": current_request_id(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        traceback = self._traceback(record)
        if traceback:
            entry["traceback"] = traceback
        return orjson.dumps(entry, default=str).decode()


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


FORMATTERS = {"text": TextFormatter, "json": JsonFormatter}


def logging_config(settings: Settings) -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`; uvicorn takes it as well.

    Only our own and uvicorn's loggers have the level of the settings. Other libraries log warnings
    at least: what they log for debugging includes bodies of requests and SQL.
    """
    level = settings.log_level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATTERS[settings.log_format]}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": "ERROR" if level == "ERROR" else "WARNING"},
        "loggers": {
            "app": {"level": level},
            "uvicorn": {"level": level},
            # Whether there are entries is another setting.
            ACCESS_LOGGER: {"level": "INFO"},
        },
    }


def configure_logging(settings: Settings) -> None:
    """Configure the loggers of this process."""
    logging.config.dictConfig(logging_config(settings))
