"""Moments in nanoseconds, strictly increasing, written as Meilisearch writes them."""

import threading
import time
from datetime import UTC, datetime

SECOND = 1_000_000_000
_lock = threading.Lock()
_last = [0]


def now() -> int:
    """Return the time in nanoseconds; no two calls return the same."""
    with _lock:
        _last[0] = max(time.time_ns(), _last[0] + 1)
        return _last[0]


def rfc3339(moment: int | None) -> str | None:
    if moment is None:
        return None
    seconds, rest = divmod(moment, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{text}{fraction}Z"


def iso_duration(started: int | None, finished: int | None) -> str | None:
    if started is None or finished is None:
        return None
    seconds, rest = divmod(finished - started, SECOND)
    return f"PT{seconds}.{rest:09d}S"


def parse_moment(text: str) -> int:
    """Read RFC 3339 or a date; ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000) * 1000
