"""The campaign of killed migrations with small counts."""

from pathlib import Path

import pytest

from app.core.settings import Settings
from tests.prove.empty_databases import empty_databases
from tests.prove.migrations import kill_migrations

pytestmark = pytest.mark.campaign


@pytest.mark.parametrize(
    "dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_a_killed_migration_leaves_all_tables_or_none_and_the_next_run_completes_it(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    template = None
    if dialect == "postgresql":
        template = request.getfixturevalue("postgres_template")
    empty = empty_databases(tmp_path, template)
    report = kill_migrations(empty, rounds=3, seed=3)
    assert report.failures == []
    assert report.rounds == 3


def test_an_empty_database_has_no_file(tmp_path: Path) -> None:
    settings: Settings = empty_databases(tmp_path, None)()
    assert list(settings.data_dir.iterdir()) == []
