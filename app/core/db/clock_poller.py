"""Reads the edition clock many times a second, over a connection of its own."""

import sqlite3
import threading
from typing import Any

from app.core.db.database import Database
from app.core.db.edition_clock import Mark

BUSY_TIMEOUT_MS = 10_000
_READ = "SELECT epoch, seq, config_version FROM clock"


class ClockPoller:
    """Reads the clock for one polling loop; may be used from any thread.

    It bypasses the connection pool and its transactions, which take most of the time of so small
    a query.
    """

    def __init__(self, database: Database) -> None:
        """Prepare to read the clock of `database`; the first read opens the connection."""
        self._database = database
        self._connection: Any = None
        self._lock = threading.Lock()
        self._waits_for_locks = True
        database.on_close(self.close)

    def read(self) -> Mark:
        """Return the clock's mark; raises the driver's exceptions."""
        with self._lock:
            return self._read(wait_for_locks=True)

    def read_if_free(self) -> Mark | None:
        """Return the clock's mark if that cannot block the event loop, else None.

        That is so on SQLite once there is a connection: a query takes microseconds then. A worker
        thread would have to get the interpreter lock from a busy event loop several times.
        """
        if self._database.dialect != "sqlite" or not self._lock.acquire(blocking=False):
            return None
        try:
            return None if self._connection is None else self._read(wait_for_locks=False)
        except sqlite3.Error:
            return None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection; the next `read` opens another one."""
        with self._lock:
            self._close_connection()

    def _read(self, *, wait_for_locks: bool) -> Mark:
        if self._connection is None:
            self._connection = self._database.connect_raw()
            self._waits_for_locks = True
        try:
            if self._database.dialect == "sqlite" and wait_for_locks != self._waits_for_locks:
                timeout = BUSY_TIMEOUT_MS if wait_for_locks else 0
                self._connection.execute(f"PRAGMA busy_timeout={timeout}")
                self._waits_for_locks = wait_for_locks
            row = self._connection.execute(_READ).fetchone()
        except Exception:
            self._close_connection()
            raise
        return Mark(*row)

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
