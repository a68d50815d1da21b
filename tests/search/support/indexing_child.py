"""A worker that keeps an embedded index up, in small steps, until it is killed."""

import sys
import time
from pathlib import Path

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded import synchronizer
from app.search.embedded.index_file import IndexFiles
from tests.support.databases import make_settings


def _settings(folder: str, url: str) -> Settings:
    return make_settings(Path(folder), url)


def main() -> None:
    folder, url, rows = sys.argv[1:]
    synchronizer.ROWS = synchronizer.BUILD_ROWS = int(rows)
    settings = _settings(folder, url)
    database = Database(settings)
    worker = synchronizer.Synchronizer(database, settings, IndexFiles(settings.data_dir))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        worker.step(lambda _path, _mark: None)
        time.sleep(0.001)


if __name__ == "__main__":
    main()
