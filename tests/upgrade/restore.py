"""Fills a database with what `record.py` recorded, as the old commit left it."""

import json
import lzma
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, Connection, MetaData, Table, text

from app.core.db.database import Database
from app.core.settings import Settings
from app.migrating import SCRIPTS
from tests.support.lock_guard import AFTER_THE_CLOCK
from tests.upgrade.record import DATABASE, RESPONSES, Row


@cache
def _recorded() -> list[Row]:
    return list(_read(DATABASE))


def _read(path: Path) -> Iterator[Row]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def origin() -> Row:
    """Return the commit that was recorded, and its secrets."""
    return _recorded()[0]


def responses() -> Iterator[Row]:
    """Yield each request and the response that was recorded."""
    return _read(RESPONSES)


def restore_sqlite(path: Path) -> None:
    """Make the database file, with the schema that the old commit had made."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for statement in _recorded()[1]["schema"]:
            connection.execute(statement)
        for table in _recorded()[2:]:
            places = ", ".join("?" for _ in table["columns"])
            connection.executemany(
                f'INSERT INTO "{table["table"]}" VALUES ({places})',
                [[_value(value) for value in row] for row in table["rows"]],
            )


def restore_postgresql(settings: Settings) -> None:
    """Migrate an empty database as far as the old commit did, and insert the rows."""
    database = Database(settings)
    with database.write_engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, _revision())
        # Rows come by table, not in the order in which they refer to each other.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        # The clock comes last, as in every transaction.
        for table in sorted(_recorded()[2:], key=lambda each: each["table"] in AFTER_THE_CLOCK):
            if table["rows"] and table["table"] != "alembic_version":
                _insert(connection, table)
    database.close()


def _revision() -> str:
    (version,) = (table for table in _recorded()[2:] if table["table"] == "alembic_version")
    return str(version["rows"][0][0])


def _insert(connection: Connection, recorded: Row) -> None:
    table = Table(recorded["table"], MetaData(), autoload_with=connection, resolve_fks=False)
    flags = [isinstance(table.c[name].type, Boolean) for name in recorded["columns"]]
    rows = [
        {
            name: bool(value) if flag and value is not None else _value(value)
            for name, flag, value in zip(recorded["columns"], flags, row, strict=True)
        }
        for row in recorded["rows"]
    ]
    connection.execute(table.insert(), rows)


def _value(recorded: Any) -> Any:
    """Return a value as it was before `record.py` made it JSON."""
    if not isinstance(recorded, dict):
        return recorded
    return recorded["text"].encode() if "text" in recorded else bytes.fromhex(recorded["hex"])
