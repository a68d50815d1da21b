"""Databases without a table, for campaigns that migrate them."""

import itertools
from collections.abc import Callable
from pathlib import Path

from app.core.settings import Settings
from tests.support.databases import PostgresTemplate, make_settings


def empty_databases(folder: Path, postgres: PostgresTemplate | None) -> Callable[[], Settings]:
    """Return what makes settings over one more empty database: PostgreSQL's, else SQLite."""
    folders = (folder / f"empty-{number}" for number in itertools.count(1))

    def empty() -> Settings:
        data_dir = next(folders)
        if postgres is not None:
            return postgres.empty(data_dir)
        data_dir.mkdir(parents=True)
        return make_settings(data_dir)

    return empty
