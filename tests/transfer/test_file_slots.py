"""Slots that processes share, and that are free again when a process dies."""

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

from app.transfer.jobs.file_slots import try_slot


def _hold_slot(folder: Path, ready: Event) -> None:
    with try_slot(folder, "jobs") as has_slot:
        assert has_slot
        ready.set()
        signal.pause()


def test_each_name_has_the_given_number_of_slots(tmp_path: Path) -> None:
    with try_slot(tmp_path, "a", 2) as first, try_slot(tmp_path, "a", 2) as second:
        assert (first, second) == (True, True)
        with try_slot(tmp_path, "a", 2) as third, try_slot(tmp_path, "b") as other:
            assert (third, other) == (False, True)
    with try_slot(tmp_path, "a") as again:
        assert again


def test_a_killed_process_frees_its_slot_immediately(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_slot, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(30)
    with try_slot(tmp_path, "jobs") as has_slot:
        assert not has_slot
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with try_slot(tmp_path, "jobs") as has_slot:
        assert has_slot
