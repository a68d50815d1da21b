"""A worker's memory over each database."""

from collections.abc import Callable, Iterator

import pytest

from app.core.settings import Settings
from tests.catalog.support import Shelf


@pytest.fixture
def shelf(fresh_settings: Callable[..., Settings]) -> Iterator[Shelf]:
    """A worker with terms and a public bank, loaded."""
    shelf = Shelf(fresh_settings())
    shelf.make_terms()
    shelf.make_bank()
    shelf.follow()
    yield shelf
    shelf.close()
