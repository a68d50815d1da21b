"""Detects that an SQLite file was replaced by another one, for example by a restored backup."""

from pathlib import Path

from app.core.db.database import Database


class FileWatch:
    """Compares the database file with the one that was there at the last check.

    It does nothing for PostgreSQL.
    """

    def __init__(self, database: Database) -> None:
        """Watch the file of `database`."""
        self._database = database
        name = database.engine.url.database if database.dialect == "sqlite" else None
        self._path = Path(name) if name else None
        self._last: tuple[int, int] | None = None

    def was_replaced(self) -> bool:
        """Return whether the file is another one than at the last call.

        In that case close all connections: they would read the former file for ever.
        """
        if self._path is None:
            return False
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return False
        now = (status.st_dev, status.st_ino)
        before, self._last = self._last, now
        if before is None or before == now:
            return False
        self._database.close()
        return True
