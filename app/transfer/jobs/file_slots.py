"""Places that one host's processes share: a lock of the system each, free again when one dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.file_lock import try_lock


@contextmanager
def slot(folder: Path, name: str, count: int = 1) -> Iterator[bool]:
    """Hold one of the `count` places that `name` has while the block runs; False when none is free.

    A killed process gives its place back at once, which a lease in the database does not.
    """
    for number in range(count):
        with try_lock(folder / f"{name}.{number}.lock") as is_free:
            if is_free:
                yield True
                return
    yield False
