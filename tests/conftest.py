"""A fresh database for each test, on SQLite and on PostgreSQL, and a service over it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.db.database import Database
from app.core.settings import Settings
from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.support.lock_guard import LockGuard
from tests.support.serving import Service, serving


@pytest.fixture(scope="session", autouse=True)
def lock_guard() -> LockGuard:
    return LockGuard()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    return SqliteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[PostgresTemplate]:
    # Not in pytest's own folders: another session would remove them while the server runs.
    with tempfile.TemporaryDirectory(prefix="quizwell-postgres-") as name:
        template = PostgresTemplate(Path(name))
        yield template
        template.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Settings]:
    """Make settings over a fresh, migrated database; keyword arguments change them."""
    name = "sqlite_template" if request.param == "sqlite" else "postgres_template"
    template = request.getfixturevalue(name)
    return lambda **changes: template.fresh(tmp_path_factory.mktemp("data"), **changes)


@pytest.fixture
def settings(fresh_settings: Callable[..., Settings]) -> Settings:
    return fresh_settings()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    yield database
    database.close()


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="session")
def shared(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Serve one SQLite bank to tests that only look, or whose writes are refused."""
    with serving(sqlite_template.fresh(tmp_path_factory.mktemp("shared"))) as running:
        yield running
