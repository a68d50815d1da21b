"""Looks at the clock again and again, over a connection of its own."""

import threading
from typing import Any

from app.core.clock import Mark
from app.core.database import Database

_READ = "SELECT epoch, seq, terms FROM clock"


class ClockWatch:
    """One loop's look at the clock; from any thread.

    Many times a second: through pool and transaction each look costs over twenty times as much.
    """

    def __init__(self, database: Database) -> None:
        """Watch the clock of `database`; nothing is opened before the first look."""
        self._database = database
        self._connection: Any = None
        self._lock = threading.Lock()
        database.on_close(self.close)

    def read(self) -> Mark:
        """Return where the clock stands; whatever the driver raises where it cannot be read."""
        with self._lock:
            if self._connection is None:
                self._connection = self._database.single()
            try:
                row = self._connection.execute(_READ).fetchone()
            except Exception:
                self._drop()
                raise
        return Mark(*row)

    def close(self) -> None:
        """Give up the connection; the next look opens another one."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
