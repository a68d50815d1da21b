"""The lock in front of SQLite's single writer: fair among threads and processes of one host."""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType

YIELD_SECONDS = 0.002


class WriteLock:
    """At most one writer at a time; the others wait in the kernel instead of polling SQLite."""

    def __init__(self, path: Path) -> None:
        """Lock the file at `path`, which is created when first needed."""
        self._path = path
        self._thread_lock = threading.Lock()
        self._descriptor: int | None = None
        self._process = 0

    def __enter__(self) -> None:
        """Wait until no other thread or process of this host writes."""
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
        """Let the next writer continue."""
        fcntl.flock(self._open(), fcntl.LOCK_UN)
        self._thread_lock.release()

    def let_others_write(self) -> None:
        """Sleep long enough for a waiting writer to get the lock; for pauses in a long job."""
        time.sleep(YIELD_SECONDS)

    def _open(self) -> int:
        # A forked child needs a file of its own: with a shared one, both would have the lock.
        if self._descriptor is None or self._process != os.getpid():
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._process = os.getpid()
        return self._descriptor
