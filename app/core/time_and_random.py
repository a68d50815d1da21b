"""The only source of time and randomness; tests replace it, so that a history can be replayed."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID


class Source(Protocol):
    """Where time and random bytes come from."""

    def milliseconds(self) -> int:
        """Return the time since 1970 in milliseconds."""

    def random_bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""


# Each thread reads this much at once: reading a few bytes takes as long.
POOL_BYTES = 4096


class SystemSource(threading.local):
    """The clock and the random generator of the operating system."""

    _pool = b""
    _position = 0

    def milliseconds(self) -> int:
        """Return the time since 1970 in milliseconds."""
        return time.time_ns() // 1_000_000

    def random_bytes(self, count: int) -> bytes:
        """Return `count` bytes of the operating system's generator; no byte is returned twice."""
        start = self._position
        if start + count > len(self._pool):
            if count > POOL_BYTES:
                return os.urandom(count)
            self._pool, start = os.urandom(POOL_BYTES), 0
        self._position = start + count
        return self._pool[start : self._position]


class _Current:
    source: Source = SystemSource()


def _reset_after_fork() -> None:
    # A forked process must not return the bytes that its parent returns.
    if isinstance(_Current.source, SystemSource):
        _Current.source = SystemSource()


os.register_at_fork(after_in_child=_reset_after_fork)


def milliseconds() -> int:
    """Return the time since 1970 in milliseconds."""
    return _Current.source.milliseconds()


def now() -> datetime:
    """Return the time in UTC, aware, in whole milliseconds."""
    return from_milliseconds(milliseconds())


def from_milliseconds(value: int) -> datetime:
    """Return the UTC time that is `value` milliseconds after 1970."""
    seconds, milliseconds = divmod(value, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


def random_bytes(count: int) -> bytes:
    """Return `count` unpredictable bytes."""
    return _Current.source.random_bytes(count)


_VERSION_AND_VARIANT = 0x7 << 76 | 0x2 << 62
_RANDOM_AND_TIME = ~(0xF << 76 | 0x3 << 62)


def uuid7() -> UUID:
    """Return a new UUID of version 7 (RFC 9562): milliseconds, then random bits."""
    value = (milliseconds() << 80) | int.from_bytes(random_bytes(10), "big")
    return UUID(int=value & _RANDOM_AND_TIME | _VERSION_AND_VARIANT)


@contextmanager
def overridden(source: Source) -> Iterator[None]:
    """Replace the source of time and randomness of this process while the block runs."""
    before = _Current.source
    _Current.source = source
    try:
        yield
    finally:
        _Current.source = before
