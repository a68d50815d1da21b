"""Notices that an SQLite file was replaced by another, such as a backup that was put back."""

from pathlib import Path

from app.core.db.database import Database


class FileWatch:
    """Looks at which file stands where the database should be; nothing to do for PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Watch the file of `database`."""
        self._database = database
        name = database.engine.url.database if database.dialect == "sqlite" else None
        self._path = Path(name) if name else None
        self._seen: tuple[int, int] | None = None

    def was_replaced(self) -> bool:
        """Return whether another file stands there than at the last call.

        Connections to the former one are given up then: they would go on reading it for ever.
        """
        if self._path is None:
            return False
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return False
        now = (status.st_dev, status.st_ino)
        before, self._seen = self._seen, now
        if before is None or before == now:
            return False
        self._database.close()
        return True
