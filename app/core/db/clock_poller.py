"""Looks at the clock again and again, over a connection of its own."""

import sqlite3
import threading
from typing import Any

from app.core.db.database import Database
from app.core.db.edition_clock import Mark

WAIT_MS = 10_000
_READ = "SELECT epoch, seq, config_version FROM clock"


class ClockWatch:
    """One loop's look at the clock; from any thread.

    Many times a second: through pool and transaction each look costs over twenty times as much.
    """

    def __init__(self, database: Database) -> None:
        """Watch the clock of `database`; nothing is opened before it is read."""
        self._database = database
        self._connection: Any = None
        self._lock = threading.Lock()
        self._waits = True
        database.on_close(self.close)

    def read(self) -> Mark:
        """Return where the clock stands; whatever the driver raises where it cannot be read."""
        with self._lock:
            return self._read(waits=True)

    def glance(self) -> Mark | None:
        """Return where the clock stands, on the event loop: None where that could take a while.

        On SQLite a look takes microseconds once there is a connection. A thread has to get the
        interpreter from a busy loop several times for it: a tenth of the loop's time (measured).
        """
        if self._database.dialect != "sqlite" or not self._lock.acquire(blocking=False):
            return None
        try:
            return None if self._connection is None else self._read(waits=False)
        except sqlite3.Error:
            return None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Give up the connection; `read` opens another one."""
        with self._lock:
            self._drop()

    def _read(self, *, waits: bool) -> Mark:
        if self._connection is None:
            self._connection = self._database.single()
            self._waits = True
        try:
            if self._database.dialect == "sqlite" and waits != self._waits:
                self._connection.execute(f"PRAGMA busy_timeout={WAIT_MS if waits else 0}")
                self._waits = waits
            row = self._connection.execute(_READ).fetchone()
        except Exception:
            self._drop()
            raise
        return Mark(*row)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
