"""Places that one host's processes share: a lock of the system each, free again when one dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def slot(folder: Path, name: str, count: int = 1) -> Iterator[bool]:
    """Hold one of the `count` places that `name` has while the block runs; False when none is free.

    A killed process gives its place back at once, which a lease in the database does not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        descriptor = os.open(folder / f"{name}.{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _locked(descriptor):
                yield True
                return
        finally:
            os.close(descriptor)
    yield False


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
