"""A process that mirrors until it is killed: `python -m tests.search.sender < settings.json`."""

import sys

from app.core.database import Database
from app.core.settings import Settings
from app.search.mirror import Mirror
from tests.search.mirroring import PACE


def main() -> None:
    settings = Settings.model_validate_json(sys.stdin.read())
    sys.stdout.write("started\n")
    sys.stdout.flush()
    Mirror(Database(settings), settings, pace=PACE).run()


if __name__ == "__main__":
    main()
