"""Places that processes share, and that a dead one gives back."""

import multiprocessing
import os
import signal
from pathlib import Path

from app.transfer.jobs.file_slots import slot


def _hold(folder: Path, ready: object) -> None:
    with slot(folder, "jobs") as held:
        assert held
        ready.set()  # type: ignore[attr-defined] # an Event of the context
        signal.pause()


def test_each_name_has_as_many_places_as_it_was_given(tmp_path: Path) -> None:
    with slot(tmp_path, "a", 2) as first, slot(tmp_path, "a", 2) as second:
        assert (first, second) == (True, True)
        with slot(tmp_path, "a", 2) as third, slot(tmp_path, "b") as other:
            assert (third, other) == (False, True)
    with slot(tmp_path, "a") as again:
        assert again


def test_a_killed_process_gives_its_place_back_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(30)
    with slot(tmp_path, "jobs") as held:
        assert not held
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with slot(tmp_path, "jobs") as held:
        assert held
