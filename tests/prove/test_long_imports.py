"""The campaign of kills during long imports with small counts."""

import pytest

from app.core.settings import Settings
from tests.prove.long_imports import KILLS_EACH, interrupt_imports

pytestmark = pytest.mark.campaign


def test_kill_9_loses_no_row_of_a_long_import(settings: Settings) -> None:
    report = interrupt_imports(settings, imports=1, seed=3)
    assert report.failures == []
    assert report.kills == KILLS_EACH
