"""The one runner of migrations: under a lock, with a backup first, whole or not at all."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlmodel import Session

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Clock, new_epoch

SCRIPTS = Path(__file__).parent.parent / "migrations"
# An arbitrary number that names our advisory lock on PostgreSQL.
ADVISORY_LOCK = 7_281_947_115
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"}


class MigrationError(Exception):
    """The database cannot be migrated; the message says why and what to do."""


def migrate(database: Database, revision: str = "head") -> list[str]:
    """Bring the tables to `revision`; return the names of the migrations that ran, oldest first."""
    with _exclusively(database) as connection:
        before = _current(connection)
        target = ScriptDirectory(str(SCRIPTS)).get_revision(revision)
        wanted = target.revision if target else None
        if before == wanted:
            return []
        if before is not None:
            _refuse_newer(before)
            _back_up(database)
        _run(connection, revision, before)
    return _steps(before, wanted)


def check(database: Database) -> None:
    """Raise Alembic's error when the models and the migrated tables differ."""
    with database.engine.connect() as connection:
        command.check(_config(connection))


def is_migrated(database: Database) -> bool:
    """Return whether the tables are those of this version."""
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


def _refuse_newer(before: str) -> None:
    known = {script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()}
    if before not in known:
        message = (
            f"the database is at {before!r}, which this version does not know: run a newer one"
        )
        raise MigrationError(message)


def _steps(before: str | None, after: str | None) -> list[str]:
    scripts = ScriptDirectory(str(SCRIPTS))
    steps = [
        script.revision for script in scripts.walk_revisions(before or "base", after or "head")
    ]
    return [step for step in reversed(steps) if step != before]


@contextmanager
def _exclusively(database: Database) -> Iterator[Connection]:
    if database.dialect == "postgresql":
        with database.engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            yield connection
        return
    refuse_network_file_system(_path(database).parent)
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


def _run(connection: Connection, revision: str, before: str | None) -> None:
    counts = _counts(connection) if before else {}
    going_down = before is not None and revision != "head"
    (command.downgrade if going_down else command.upgrade)(_config(connection), revision)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            message = f"the migration would break {len(broken)} references; nothing was changed"
            raise MigrationError(message)
    after = _counts(connection)
    lost = [name for name, count in counts.items() if after.get(name, count) < count]
    if lost:
        message = f"the migration would lose rows of {', '.join(lost)}; nothing was changed"
        raise MigrationError(message)
    if "clock" in inspect(connection).get_table_names():
        _start_clock(connection)


def _counts(connection: Connection) -> dict[str, int]:
    names = inspect(connection).get_table_names()
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


def _path(database: Database) -> Path:
    return Path(str(database.engine.url.database))


def _back_up(database: Database) -> None:
    if database.dialect != "sqlite":
        return
    path = _path(database)
    stamp = time_and_random.now().strftime("%Y%m%dT%H%M%S")
    with sqlite3.connect(path) as source, sqlite3.connect(f"{path}.before-{stamp}") as target:
        source.backup(target)


def refuse_network_file_system(folder: Path) -> None:
    """Raise MigrationError when `folder` lies where SQLite's locks cannot be trusted."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    best = ("", "")
    resolved = folder.resolve()
    for line in mounts.read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        if resolved.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    if best[1] in NETWORK_FILE_SYSTEMS:
        message = (
            f"{resolved} lies on a network file system ({best[1]}), where SQLite loses writes: "
            "set QUIZWELL_DATA_DIR to a local disk, or QUIZWELL_DATABASE_URL to PostgreSQL"
        )
        raise MigrationError(message)
