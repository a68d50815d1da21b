"""Runs migrations: under a lock, after a backup, in one transaction."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlmodel import Session

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Clock, new_epoch

SCRIPTS = Path(__file__).parent.parent / "migrations"
# Alembic's own.
VERSION_TABLE = "alembic_version"
# An arbitrary number: the key of an advisory lock on PostgreSQL.
ADVISORY_LOCK = 7_281_947_115
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"}


class MigrationError(Exception):
    """The database cannot be migrated; the message says why and what to do."""


def migrate(database: Database, revision: str = "head") -> list[str]:
    """Bring the tables to `revision`; return the names of the migrations that ran, in their order.

    An older revision undoes the migrations after it. MigrationError where there is no such one.
    """
    with _exclusive_connection(database) as connection:
        before = _line(_current(connection))
        after = _line(revision)
        if before == after:
            return []
        if before:
            _back_up(database)
        if len(after) > len(before):
            _run(connection, command.upgrade, revision)
            return after[len(before) :]
        _run(connection, command.downgrade, revision)
        return before[len(after) :][::-1]


def check(database: Database) -> None:
    """Raise Alembic's CommandError if models and tables differ."""
    with database.engine.connect() as connection:
        command.check(_config(connection))


def is_migrated(database: Database) -> bool:
    """Return whether all migrations of this version have run."""
    with database.engine.connect() as connection:
        return _current(connection) == ScriptDirectory(str(SCRIPTS)).get_current_head()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    config.stdout = sys.stderr
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _line(revision: str | None) -> list[str]:
    """Return the migrations that lead to a revision, oldest first; none for None and `base`."""
    if revision in {None, "base"}:
        return []
    try:
        found = list(ScriptDirectory(str(SCRIPTS)).walk_revisions("base", str(revision)))
    except CommandError as error:
        message = (
            f"this version has no migration {revision!r}: a newer version has migrated the "
            "database; run that version"
        )
        raise MigrationError(message) from error
    return [script.revision for script in reversed(found)]


@contextmanager
def _exclusive_connection(database: Database) -> Iterator[Connection]:
    if database.dialect == "postgresql":
        with database.engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            yield connection
        return
    refuse_network_file_system(_sqlite_path(database).parent)
    with database.exclusive(), database.write_engine.connect() as connection:
        # Rebuilding a table with foreign keys on would delete the rows that refer to it, and the
        # pragma does nothing inside a transaction.
        driver = connection.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            message = "the SQLite engine uses the standard library's driver"
            raise TypeError(message)
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _run(connection: Connection, step: Callable[[Config, str], None], revision: str) -> None:
    counts = _row_counts(connection)
    step(_config(connection), revision)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            message = f"the migration would break {len(broken)} references; nothing was changed"
            raise MigrationError(message)
    after = _row_counts(connection)
    lost = [name for name, count in counts.items() if after.get(name, count) < count]
    if lost:
        message = f"the migration would lose rows of {', '.join(lost)}; nothing was changed"
        raise MigrationError(message)
    if _current(connection) == ScriptDirectory(str(SCRIPTS)).get_current_head():
        _start_clock(connection)


def _row_counts(connection: Connection) -> dict[str, int]:
    names = [name for name in inspect(connection).get_table_names() if name != VERSION_TABLE]
    count = "SELECT count(*) FROM {}"
    quote = connection.dialect.identifier_preparer.quote
    return {
        name: connection.execute(text(count.format(quote(name)))).scalar_one() for name in names
    }


def _start_clock(connection: Connection) -> None:
    with Session(connection) as session:
        if session.get(Clock, 1) is None:
            session.add(Clock(epoch=new_epoch()))
            session.flush()


def _sqlite_path(database: Database) -> Path:
    return Path(str(database.engine.url.database))


def _back_up(database: Database) -> None:
    if database.dialect != "sqlite":
        return
    path = _sqlite_path(database)
    stamp = time_and_random.now().strftime("%Y%m%dT%H%M%S")
    with sqlite3.connect(path) as source, sqlite3.connect(f"{path}.before-{stamp}") as target:
        source.backup(target)


def refuse_network_file_system(folder: Path) -> None:
    """Raise MigrationError if `folder` is on a file system without reliable locks."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    # Mount point and file system of the innermost mount.
    best = ("", "")
    resolved = folder.resolve()
    for line in mounts.read_text().splitlines():
        _, mount_point, file_system, *_ = line.split(" ")
        if resolved.is_relative_to(mount_point) and len(mount_point) >= len(best[0]):
            best = (mount_point, file_system)
    if best[1] in NETWORK_FILE_SYSTEMS:
        message = (
            f"{resolved} is on a network file system ({best[1]}), where SQLite loses writes: "
            "set QUIZWELL_DATA_DIR to a local disk, or QUIZWELL_DATABASE_URL to PostgreSQL"
        )
        raise MigrationError(message)
