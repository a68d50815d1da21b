"""Random bytes are each given out once, whatever asks for them."""

import subprocess
import sys
import threading
from collections import Counter

from app.core.time_and_random import POOL_BYTES, SystemSource


def test_every_length_can_be_had() -> None:
    source = SystemSource()
    for count in (0, 1, 7, POOL_BYTES - 1, POOL_BYTES, POOL_BYTES + 1, 1, 10 * POOL_BYTES, 3):
        assert len(source.random_bytes(count)) == count


def test_no_bytes_are_given_twice_to_one_thread_or_to_several() -> None:
    source = SystemSource()
    seen: Counter[bytes] = Counter()

    def take() -> None:
        mine = [source.random_bytes(16) for _ in range(2_000)]
        seen.update(mine)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.total() == len(seen) == 8_000


def test_a_forked_process_gives_out_other_bytes_than_its_parent() -> None:
    code = (
        "import os; from app.core import time_and_random as random; random.random_bytes(16); "
        "child = os.fork(); os.write(1, random.random_bytes(16)); child and os.wait()"
    )
    # In a process of its own: forking one with threads is asking for trouble.
    written = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert len(written) == 32
    assert written[:16] != written[16:]
