"""The lock in front of SQLite's single writer: fair among threads and processes of one host."""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType

YIELD_SECONDS = 0.002


class WriteLock:
    """One writer at a time; waiters sleep in the kernel instead of polling SQLite's own lock."""

    def __init__(self, path: Path) -> None:
        """Use the file at `path`; it is made when it is first needed."""
        self._path = path
        self._thread_lock = threading.Lock()
        self._descriptor: int | None = None
        self._process = 0

    def __enter__(self) -> None:
        """Wait until nobody else on this host writes."""
        self._thread_lock.acquire()
        try:
            fcntl.flock(self._open(), fcntl.LOCK_EX)
        except BaseException:
            self._thread_lock.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one write."""
        fcntl.flock(self._open(), fcntl.LOCK_UN)
        self._thread_lock.release()

    def stand_back(self) -> None:
        """Sleep long enough for whoever waits to take the lock; for long jobs between slices."""
        time.sleep(YIELD_SECONDS)

    def _open(self) -> int:
        # A forked child must not share its parent's open file: both would hold the lock together.
        if self._descriptor is None or self._process != os.getpid():
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._process = os.getpid()
        return self._descriptor
