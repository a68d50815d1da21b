"""A fresh database for each test, on SQLite and on PostgreSQL, and a service over it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.db.database import Database
from app.core.settings import Settings
from tests.support.databases import PostgresTemplate, SqliteTemplate, Template
from tests.support.hypothesis_profiles import register_profiles
from tests.support.lock_guard import LockGuard
from tests.support.serving import Service, serving

RAM_DISK = Path("/dev/shm")  # noqa: S108 - pytest makes private folders in it
RAM_DISK_BYTES = 2_000_000_000
# Self-signed; its key was thrown away.
CERTIFICATE = Path(__file__).parent / "data" / "only-certificate.pem"

register_profiles()


def pytest_configure() -> None:
    """Remove two costs from every test; processes that tests start inherit the variables."""
    _use_ram_disk()
    _use_one_certificate()


def _use_ram_disk() -> None:
    """Put temporary folders on a RAM disk with room: each commit waits for a real disk."""
    if (
        "PYTEST_DEBUG_TEMPROOT" not in os.environ
        and os.access(RAM_DISK, os.W_OK)
        and shutil.disk_usage(RAM_DISK).free > RAM_DISK_BYTES
    ):
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(RAM_DISK)


def _use_one_certificate() -> None:
    """Let HTTP clients read one certificate: to read all of them takes each client 30 ms."""
    if not os.environ.get("MEILI_URL", "").startswith("https:"):
        os.environ["SSL_CERT_FILE"] = str(CERTIFICATE)


@pytest.fixture(scope="session", autouse=True)
def lock_guard() -> LockGuard:
    return LockGuard()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    return SqliteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[PostgresTemplate]:
    # Not in pytest's own folders: another session would remove them while the server runs.
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="quizwell-postgres-", dir=root) as name:
        template = PostgresTemplate(Path(name))
        yield template
        template.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def fresh_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Settings]]:
    """Make settings over a fresh, migrated database; keyword arguments change them."""
    name = "sqlite_template" if request.param == "sqlite" else "postgres_template"
    template: Template = request.getfixturevalue(name)
    made: list[Settings] = []

    def fresh(**changes: object) -> Settings:
        made.append(template.fresh(tmp_path_factory.mktemp("data"), **changes))
        return made[-1]

    yield fresh
    for settings in made:
        template.remove(settings)


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
    """Serve one SQLite bank to tests that only read, or whose writes are refused."""
    with serving(sqlite_template.fresh(tmp_path_factory.mktemp("shared"))) as running:
        yield running
