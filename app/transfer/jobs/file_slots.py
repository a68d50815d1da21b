"""Slots that the processes of one host share, as lock files; a dead process frees its slot."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def try_slot(folder: Path, name: str, count: int = 1) -> Iterator[bool]:
    """Hold one of the `count` slots of `name` while the block runs; give False if none is free.

    The system frees the slot of a killed process at once; a lease in the database would have to
    expire first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        descriptor = os.open(folder / f"{name}.{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _try_lock(descriptor):
                yield True
                return
        finally:
            os.close(descriptor)
    yield False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
