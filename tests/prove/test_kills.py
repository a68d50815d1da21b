"""The campaign of kills with small counts."""

import pytest

from app.core.settings import Settings
from tests.prove.kills import Campaign

pytestmark = pytest.mark.campaign


def test_kill_9_loses_no_acknowledged_write_and_leaves_no_incomplete_rows(
    settings: Settings,
) -> None:
    report = Campaign(settings, seed=7).run(rounds=6)
    assert report.failures == []
    assert report.kills == 6
    assert report.writes > 0
    assert report.imports > 0
