"""Migrations, up and down, over data; on SQLite and PostgreSQL."""

import pytest
from sqlalchemy import inspect, text

from app.core.db.database import Database
from app.core.db.edition_clock import bump_config, read_mark
from app.migrating import MigrationError, check, is_migrated, migrate

CONFIG_VERSION = "2026_12_01_0800_config_version"
BEFORE_CONFIG_VERSION = "2026_11_25_0733_search"


def columns(database: Database, table: str) -> set[str]:
    return {column["name"] for column in inspect(database.engine).get_columns(table)}


def test_the_config_version_keeps_its_value_when_its_column_is_renamed(database: Database) -> None:
    with database.write() as session:
        bump_config(session)
        bump_config(session)
    with database.read() as session:
        mark = read_mark(session)
    tables = ("clock", "imports", "search_mirror")
    assert migrate(database, BEFORE_CONFIG_VERSION)[-1] == CONFIG_VERSION
    for table in tables:
        assert {"epoch", "seq", "terms"} <= columns(database, table)
        assert "config_version" not in columns(database, table)
    with database.read() as session:
        row = session.connection().execute(text("SELECT epoch, seq, terms FROM clock")).one()
    assert tuple(row) == tuple(mark)
    assert not is_migrated(database)
    assert migrate(database)[0] == CONFIG_VERSION
    for table in tables:
        assert {"epoch", "seq", "config_version"} <= columns(database, table)
    with database.read() as session:
        assert read_mark(session) == mark
    assert is_migrated(database)
    check(database)


def test_every_migration_can_be_undone_and_run_again(database: Database) -> None:
    undone = migrate(database, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    assert migrate(database) == undone[::-1]
    check(database)
    assert migrate(database) == []


def test_an_unknown_migration_is_refused(database: Database) -> None:
    with pytest.raises(MigrationError, match="'2031_01_01_0000_later'"):
        migrate(database, "2031_01_01_0000_later")
    assert is_migrated(database)


def test_tables_of_a_newer_version_are_left_alone(database: Database) -> None:
    newer = text("UPDATE alembic_version SET version_num = '2031_01_01_0000_later'")
    with database.write() as session:
        session.connection().execute(newer)
    with pytest.raises(MigrationError, match="a newer version has migrated"):
        migrate(database)
