"""Files of the embedded index: one SQLite file behind a pointer, replaced, never renamed."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Raise it when the tables or what stands in them change: a new file is built beside the old.
SCHEMA = 2
BUSY_SECONDS = 10.0
CACHE_KIB = 16_384

_NAME = re.compile(rf"search-{SCHEMA}-(\d{{1,9}})\.db", re.ASCII)
_ANY = re.compile(r"search-(\d{1,6})-(\d{1,9})\.db(-wal|-shm|-journal)?", re.ASCII)
_LOST = ("no such table", "no such column")


class DamagedError(Exception):
    """The file is no index of this version, or no database at all."""


class Store:
    """The index's files in one folder, shared by every worker of the host."""

    def __init__(self, folder: Path) -> None:
        """Use the folder; nothing is made before it is needed."""
        self._folder = folder
        self._pointer = folder / f"search-{SCHEMA}.pointer"
        self._lock = folder / "search.lock"

    def current(self) -> Path | None:
        """Return the file that the pointer names; None when there is none yet."""
        try:
            name = self._pointer.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return self._folder / name if _NAME.fullmatch(name) else None

    def create(self) -> tuple[Path, sqlite3.Connection]:
        """Make an empty file behind all that exist; only under the lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(found[2]) for _, found in self._files()]
        # A file that is gone may still be open somewhere: its name is not given again.
        current = self.current()
        if current is not None:
            numbers.append(_number(current))
        path = self._folder / f"search-{SCHEMA}-{max(numbers, default=0) + 1}.db"
        connection = _connect(path, "rwc")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA user_version={SCHEMA}")
        return path, connection

    def point_to(self, path: Path) -> None:
        """Make `path` the current file, at once and for good."""
        fresh = self._pointer.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            file.write(path.name)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._pointer)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def clean(self) -> None:
        """Remove files of this and older versions that nobody is to open; only under the lock.

        Who has one open keeps it until the next look at the pointer.
        """
        current = self.current()
        for file, found in self._files():
            kept = current is not None and file.name.startswith(current.name)
            if int(found[1]) <= SCHEMA and not kept:
                with suppress(FileNotFoundError):
                    file.unlink()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether this process may build; a killed one gives the right back by dying."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)

    def _files(self) -> list[tuple[Path, re.Match[str]]]:
        matched = [(file, _ANY.fullmatch(file.name)) for file in self._folder.iterdir()]
        return [(file, found) for file, found in matched if found]


def inode(path: Path) -> int:
    """Return what tells a file from another of the same name; DamagedError when it is gone."""
    try:
        return path.stat().st_ino
    except FileNotFoundError as error:
        message = f"{path.name} is gone"
        raise DamagedError(message) from error


def open_index(path: Path, *, reading: bool) -> sqlite3.Connection:
    """Open an index that exists; DamagedError when it is none of this version."""
    inode(path)
    connection = _connect(path, "rw")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if reading:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    if version != SCHEMA:
        connection.close()
        message = f"{path.name} is of version {version}, not {SCHEMA}"
        raise DamagedError(message)
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file is to blame, so that another has to be built."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_ERROR:
        return str(error).startswith(_LOST)
    return code in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else 0


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    # What a power cut takes back is followed again: the mark goes back with it.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection
