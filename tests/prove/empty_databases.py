"""Databases without tables, for campaigns that migrate them."""

import itertools
from collections.abc import Callable
from pathlib import Path

from app.core.settings import Settings
from tests.support.databases import PostgresTemplate, make_settings


def empty_databases(folder: Path, postgres: PostgresTemplate | None) -> Callable[[], Settings]:
    """Return a function that makes an empty database: on SQLite unless a server is given."""
    folders = (folder / f"empty-{number}" for number in itertools.count(1))

    def empty() -> Settings:
        data_dir = next(folders)
        if postgres is not None:
            return postgres.empty(data_dir)
        data_dir.mkdir(parents=True)
        return make_settings(data_dir)

    return empty
