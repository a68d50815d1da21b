"""Locks on files."""

import multiprocessing
import os
import signal
from pathlib import Path

from app.core.file_lock import try_lock


def _hold(path: Path, ready: object) -> None:
    with try_lock(path) as is_free:
        assert is_free
        ready.set()  # type: ignore[attr-defined] # an Event of the context
        signal.pause()


def test_a_file_is_locked_once_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"
    with try_lock(path) as first, try_lock(path) as second, try_lock(tmp_path / "b") as other:
        assert (first, second, other) == (True, False, True)
    with try_lock(path) as again:
        assert again


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "a.lock", ready), daemon=True)
    process.start()
    assert ready.wait(30)
    with try_lock(tmp_path / "a.lock") as is_free:
        assert not is_free
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with try_lock(tmp_path / "a.lock") as is_free:
        assert is_free
