"""The campaign of the full disk with small counts."""

from pathlib import Path

import pytest

from tests.prove.disk import fill_disk
from tests.support.databases import SqliteTemplate

pytestmark = pytest.mark.campaign


def test_a_full_disk_refuses_writes_clearly_while_reads_go_on(
    sqlite_template: SqliteTemplate, tmp_path: Path
) -> None:
    report = fill_disk(lambda **changes: sqlite_template.fresh(tmp_path, **changes), attempts=5)
    assert report.failures == []
    assert report.writes > 0
    assert report.refused["storage_full"] >= 5
    assert report.reads == 15
