"""The files of the embedded index: a SQLite file for each build, and a pointer to one of them.

A build writes a new file and then replaces the pointer. Files are never renamed or reused, because
another worker process may have one open.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.core.file_lock import try_lock

# Raise it when the tables or the text in them change: a new file is built beside the old one.
SCHEMA_VERSION = 3
BUSY_TIMEOUT_SECONDS = 10.0
PAGE_CACHE_KIB = 16_384

_CURRENT_VERSION_NAME = re.compile(rf"search-{SCHEMA_VERSION}-(\d{{1,9}})\.db", re.ASCII)
_ANY_VERSION_NAME = re.compile(r"search-(\d{1,6})-(\d{1,9})\.db(-wal|-shm|-journal)?", re.ASCII)
_LOST_TABLE_MESSAGES = ("no such table", "no such column")


class DamagedIndexError(Exception):
    """The file is missing, is no SQLite database, or has another schema version."""


class IndexFiles:
    """The index files in one folder, which all worker processes of the host share."""

    def __init__(self, folder: Path) -> None:
        """Use the folder; it is created with the first file."""
        self._folder = folder
        self._pointer = folder / f"search-{SCHEMA_VERSION}.pointer"
        self._lock = folder / "search.lock"

    def current(self) -> Path | None:
        """Return the file that the pointer names; None if there is none yet."""
        try:
            name = self._pointer.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return self._folder / name if _CURRENT_VERSION_NAME.fullmatch(name) else None

    def create(self) -> tuple[Path, sqlite3.Connection]:
        """Create an empty file with the next number. The caller must hold the build lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(match[2]) for _, match in self._all_files()]
        # A deleted file may still be open in another process: its name is not used again.
        current = self.current()
        if current is not None:
            numbers.append(_file_number(current))
        path = self._folder / f"search-{SCHEMA_VERSION}-{max(numbers, default=0) + 1}.db"
        connection = _connect(path, "rwc")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        return path, connection

    def point_to(self, path: Path) -> None:
        """Make `path` the current file, atomically and durably."""
        temporary = self._pointer.with_suffix(".new")
        with temporary.open("w", encoding="ascii") as file:
            file.write(path.name)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._pointer)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove_unused(self) -> None:
        """Delete the other files of this and older versions. The caller must hold the build lock.

        A process that has one of them open can use it until it checks the pointer again.
        """
        current = self.current()
        for file, match in self._all_files():
            is_current = current is not None and file.name.startswith(current.name)
            if int(match[1]) <= SCHEMA_VERSION and not is_current:
                with suppress(FileNotFoundError):
                    file.unlink()

    @contextmanager
    def build_lock(self) -> Iterator[bool]:
        """Try to take the lock for building; yield whether it was free.

        The operating system releases the lock of a killed process.
        """
        with try_lock(self._lock) as is_free:
            yield is_free

    def _all_files(self) -> list[tuple[Path, re.Match[str]]]:
        matches = [
            (file, _ANY_VERSION_NAME.fullmatch(file.name)) for file in self._folder.iterdir()
        ]
        return [(file, match) for file, match in matches if match]


def file_inode(path: Path) -> int:
    """Return the inode, which differs between files of the same name.

    Raises DamagedIndexError if the file is missing.
    """
    try:
        return path.stat().st_ino
    except FileNotFoundError as error:
        message = f"{path.name} is missing"
        raise DamagedIndexError(message) from error


def open_index(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open an existing index file; raise DamagedIndexError if it has another schema version."""
    file_inode(path)
    connection = _connect(path, "rw")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if read_only:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    if version != SCHEMA_VERSION:
        connection.close()
        message = f"{path.name} has schema version {version}, not {SCHEMA_VERSION}"
        raise DamagedIndexError(message)
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the error means that the file must be rebuilt."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_ERROR:
        return str(error).startswith(_LOST_TABLE_MESSAGES)
    return code in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }


def _file_number(path: Path) -> int:
    match = _CURRENT_VERSION_NAME.fullmatch(path.name)
    return int(match[1]) if match else 0


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    # A power failure may undo the last transactions. Their mark is undone with them, so that the
    # synchronizer applies the same changes again.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
    return connection
