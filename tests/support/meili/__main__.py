"""Runs the fake Meilisearch as a process: `python -m tests.support.meili --port 7700`."""

import argparse
import signal
import sys
import threading

from tests.support.meili.fake import MASTER_KEY, PAYLOAD_LIMIT_BYTES, FakeMeili


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake Meilisearch for tests.")
    parser.add_argument("--port", type=int, default=7700)
    parser.add_argument("--master-key", default=MASTER_KEY, help="empty: no keys are needed")
    parser.add_argument("--seconds", type=float, default=0.001, help="shortest time of a batch")
    parser.add_argument("--payload-limit", type=int, default=PAYLOAD_LIMIT_BYTES)
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    key = options.master_key or None
    with FakeMeili(key, options.port, options.seconds, options.payload_limit) as fake:
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
