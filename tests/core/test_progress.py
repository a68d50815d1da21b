"""Progress is shown as lines without a terminal, and as a bar on one."""

import pytest

from app.core.progress import ProgressUpdate, progress_display


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("app.core.progress.LINE_SECONDS", 0.0)
    return []


def test_without_a_terminal_updates_with_a_line_are_written(lines: list[str]) -> None:
    with progress_display("work", lines.append) as show:
        show(ProgressUpdate(1, 2, "work: running", "1 of 2"))
        show(ProgressUpdate(2, 2, "work: done", None))
    assert lines == ["1 of 2"]


def test_lines_are_written_only_after_the_interval(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.progress.LINE_SECONDS", 60.0)
    with progress_display("work", lines.append) as show:
        show(ProgressUpdate(1, 2, "work: running", "1 of 2"))
    assert lines == []


def test_on_a_terminal_the_bar_replaces_the_lines(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_display("work", lines.append) as show:
        show(ProgressUpdate(1, None, "work: running", "1 rows"))
    assert lines == []
