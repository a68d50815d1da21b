"""Gives memory back to the system after a load, and keeps the rest in fewer, larger pages."""

import ctypes
import re
from pathlib import Path

MAPPINGS = Path("/proc/self/smaps")
# A private mapping that can be written to, with no file behind it, and what is resident of it.
MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 +(?:\[heap\])?\n(?:\w*Size: .*\n)*Rss: +(\d+) kB",
    re.MULTILINE,
)
LARGE_PAGE = 2 * 1024 * 1024
# Of a mapping that is less full much would be filled for nothing: of stacks, above all.
FULL = 7 / 8
# See madvise(2); since Linux 6.1.
MADV_COLLAPSE = 25


def release() -> None:
    """Return free memory to the system, where the C library can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def gather() -> None:
    """Put what is in use into large pages, where the system has them (Linux, unless forbidden).

    Questions drawn by chance lie far apart, and to find the page of each takes about as long as to
    read it (measured: one part in thirty of an answer).
    """
    if not MAPPINGS.exists():
        return
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, size in full_mappings(MAPPINGS.read_text()):
        # Where it cannot be done all goes on as before.
        advise(start, size, MADV_COLLAPSE)


def full_mappings(smaps: str) -> list[tuple[int, int]]:
    """Return start and size of the mappings, as proc(5) tells of them, that pay: large and full."""
    found = []
    for low, high, kilobytes in MAPPING.findall(smaps):
        start, size = int(low, 16), int(high, 16) - int(low, 16)
        if size >= LARGE_PAGE and int(kilobytes) * 1024 >= FULL * size:
            found.append((start, size))
    return found
