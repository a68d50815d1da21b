"""A worker's catalog over each database."""

from collections.abc import Callable, Iterator

import pytest

from app.core.settings import Settings
from tests.catalog.support import CatalogWorker


@pytest.fixture
def worker(fresh_settings: Callable[..., Settings]) -> Iterator[CatalogWorker]:
    """A worker with terms and a public bank, loaded."""
    worker = CatalogWorker(fresh_settings())
    worker.make_terms()
    worker.make_bank()
    worker.follow()
    yield worker
    worker.close()
