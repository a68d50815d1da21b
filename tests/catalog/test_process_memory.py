"""Large pages are asked for where they pay, and nothing that lies in them changes."""

import random

import pytest

from app.catalog.bodies.process_memory import MAPPINGS, full_mappings, gather

BLANK = " "
SMAPS = f"""55d000000000-55d000400000 rw-p 00000000 00:00 0                          [heap]
Size:               4096 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                4000 kB
Pss:                4000 kB
VmFlags: rd wr mr mw me ac
7f0000000000-7f0000800000 rw-p 00000000 00:00 0{BLANK}
Size:               8192 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                  24 kB
7f0001000000-7f0001400000 rw-p 00000000 fe:00 4711                       /tmp/file
Size:               4096 kB
Rss:                4096 kB
7f0002000000-7f0002400000 r--p 00000000 00:00 0{BLANK}
Size:               4096 kB
Rss:                4096 kB
7f0003000000-7f0003100000 rw-p 00000000 00:00 0{BLANK}
Size:               1024 kB
Rss:                1024 kB
7f0004000000-7f0004200000 rw-p 00000000 00:00 0{BLANK}
Size:               2048 kB
Rss:                2048 kB
"""


def test_only_large_full_mappings_of_our_own_are_gathered() -> None:
    # Not a stack that is nearly empty, nor a file, nor what cannot be written to, nor a small one.
    assert full_mappings(SMAPS) == [(0x55D000000000, 0x400000), (0x7F0004000000, 0x200000)]


def test_what_is_gathered_stays_as_it_is() -> None:
    chance = random.Random(4)
    kept = [chance.randbytes(900) for _ in range(30_000)]
    copy = [bytearray(each) for each in kept]
    gather()
    assert all(each == other for each, other in zip(kept, copy, strict=True))


@pytest.mark.skipif(not MAPPINGS.exists(), reason="only Linux tells of mappings")
def test_this_system_tells_of_mappings_as_is_expected() -> None:
    kept = bytearray(b"x" * 8 * 1024 * 1024)
    sizes = [size for _, size in full_mappings(MAPPINGS.read_text())]
    assert max(sizes) >= len(kept)
