"""The format of log entries, and the levels."""

import io
import json
import logging
import os
import re
import subprocess
import sys

import pytest

from app.core.log_config import JsonFormatter, TextFormatter, handling

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
# Logs at every level through our loggers and through those of libraries.
SCRIPT = """
import logging
from app.core.log_config import configure_logging
from app.core.settings import Settings
configure_logging(Settings())
for name in ("app.search", "uvicorn.error", "httpcore", "python_multipart", "sqlalchemy.engine"):
    for level in ("debug", "info", "warning"):
        logging.getLogger(name).log(logging.getLevelName(level.upper()), "%s of %s", level, name)
logging.getLogger("quizwell.access").info("a response")
"""


class Request:
    request_id = "0123456789abcdef"


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def logger(stream: io.StringIO, formatter: logging.Formatter) -> logging.Logger:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    log = logging.Logger("app.test")  # noqa: LOG001 - used in one test only
    log.addHandler(handler)
    return log


def test_a_line_of_text_has_time_level_logger_and_request(output: io.StringIO) -> None:
    log = logger(output, TextFormatter())
    log.warning("outside")
    with handling(Request()):
        log.error("inside %d", 1)
    first, second = output.getvalue().splitlines()
    assert re.fullmatch(rf"{TIME} WARNING app\.test \[-\] outside", first)
    assert re.fullmatch(rf"{TIME} ERROR app\.test \[0123456789abcdef\] inside 1", second)


def test_a_line_break_cannot_forge_a_line(output: io.StringIO) -> None:
    logger(output, TextFormatter()).warning("%s", "first\r\nsecond")
    assert output.getvalue().endswith("first\\r\\nsecond\n")


def test_a_traceback_follows(output: io.StringIO) -> None:
    error = RuntimeError("the cause")
    logger(output, TextFormatter()).error("it failed", exc_info=error)
    logger(output, JsonFormatter()).error("it failed", exc_info=error)
    _, in_text, in_json = output.getvalue().splitlines()
    assert in_text == "RuntimeError: the cause"
    assert json.loads(in_json)["traceback"] == "RuntimeError: the cause"


def test_an_entry_in_json_is_one_object(output: io.StringIO) -> None:
    fields = {"status": 200, "path": "/v1"}
    with handling(Request()):
        logger(output, JsonFormatter()).warning("of %s", "text\n", extra={"fields": fields})
    entry = json.loads(output.getvalue())
    assert re.fullmatch(TIME, entry.pop("time"))
    assert entry == {
        "level": "warning",
        "logger": "app.test",
        "request_id": Request.request_id,
        "message": "of text\n",
        "status": 200,
        "path": "/v1",
    }


@pytest.mark.parametrize(
    ("level", "least"), [("debug", 0), ("INFO", 1), ("warning", 2), ("error", 3)]
)
def test_the_level_is_for_our_loggers_and_libraries_log_warnings_at_most(
    level: str, least: int
) -> None:
    environment = {"QUIZWELL_LOG_LEVEL": level, "QUIZWELL_LOG_FORMAT": "json"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        check=True,
        env=os.environ | environment,
    )
    messages = [json.loads(line)["message"] for line in run.stderr.splitlines()]
    expected = [
        f"{each} of {name}"
        for name in ("app.search", "uvicorn.error")
        for each in ("debug", "info", "warning")[least:]
    ]
    libraries = ("httpcore", "python_multipart", "sqlalchemy.engine")
    expected += [f"warning of {name}" for name in libraries if least < 3]
    assert messages == [*expected, "a response"]
