"""Times in nanoseconds, strictly increasing, in the formats of Meilisearch."""

import threading
import time
from datetime import UTC, datetime

NANOSECONDS = 1_000_000_000
_lock = threading.Lock()
_last = [0]


def now_ns() -> int:
    """Return the time in nanoseconds since 1970; each call returns a greater value."""
    with _lock:
        _last[0] = max(time.time_ns(), _last[0] + 1)
        return _last[0]


def format_time(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    seconds, nanoseconds = divmod(time_ns, NANOSECONDS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{text}{fraction}Z"


def format_duration(started: int | None, finished: int | None) -> str | None:
    if started is None or finished is None:
        return None
    seconds, nanoseconds = divmod(finished - started, NANOSECONDS)
    return f"PT{seconds}.{nanoseconds:09d}S"


def parse_time(text: str) -> int:
    """Parse an RFC 3339 time or a date; ValueError otherwise."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp() * 1_000_000) * 1000
