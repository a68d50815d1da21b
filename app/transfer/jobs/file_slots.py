"""Slots that the processes of one host share, as lock files; a dead process frees its slot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.file_lock import try_lock


@contextmanager
def try_slot(folder: Path, name: str, count: int = 1) -> Iterator[bool]:
    """Hold one of the `count` slots of `name` while the block runs; give False if none is free.

    The system frees the slot of a killed process at once; a lease in the database would have to
    expire first.
    """
    for number in range(count):
        with try_lock(folder / f"{name}.{number}.lock") as is_free:
            if is_free:
                yield True
                return
    yield False
