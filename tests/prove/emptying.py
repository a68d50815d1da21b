"""Databases without a table, for campaigns that migrate them."""

import itertools
from collections.abc import Callable
from pathlib import Path

from app.core.settings import Settings
from tests.support.databases import PostgresTemplate, make_settings


def empty_databases(folder: Path, postgres: PostgresTemplate | None) -> Callable[[], Settings]:
    """Return what makes settings over one more empty database: PostgreSQL's, else SQLite."""
    numbers = itertools.count(1)

    def empty() -> Settings:
        number = next(numbers)
        data_dir = folder / f"empty-{number}"
        data_dir.mkdir(parents=True)
        if postgres is None:
            return make_settings(data_dir)
        name = f"empty_{folder.name}_{number}".replace("-", "_").lower()
        postgres._create(name, "template1")
        return make_settings(data_dir, postgres._url(name))

    return empty
