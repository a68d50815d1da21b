"""No random byte is returned twice."""

import subprocess
import sys
import threading
from collections import Counter

from app.core.time_and_random import POOL_BYTES, SystemSource


def test_any_number_of_bytes_is_returned() -> None:
    source = SystemSource()
    for count in (0, 1, 7, POOL_BYTES - 1, POOL_BYTES, POOL_BYTES + 1, 1, 10 * POOL_BYTES, 3):
        assert len(source.random_bytes(count)) == count


def test_no_bytes_are_returned_twice_to_any_thread() -> None:
    source = SystemSource()
    seen: Counter[bytes] = Counter()

    def read() -> None:
        mine = [source.random_bytes(16) for _ in range(2_000)]
        seen.update(mine)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.total() == len(seen) == 8_000


def test_a_forked_process_gets_other_bytes_than_its_parent() -> None:
    code = (
        "import os; from app.core import time_and_random as random; random.random_bytes(16); "
        "child = os.fork(); os.write(1, random.random_bytes(16)); child and os.wait()"
    )
    # In a process of its own, because this one has threads.
    written = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert len(written) == 32
    assert written[:16] != written[16:]
