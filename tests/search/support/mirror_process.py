"""Runs a mirror until it is killed: `python -m tests.search.support.mirror_process < settings`.

The settings are JSON on standard input.
"""

import sys

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.meilisearch.mirror import Mirror
from tests.search.support.mirroring import FAST_TIMINGS


def main() -> None:
    settings = Settings.model_validate_json(sys.stdin.read())
    sys.stdout.write("started\n")
    sys.stdout.flush()
    Mirror(Database(settings), settings, timings=FAST_TIMINGS).run()


if __name__ == "__main__":
    main()
