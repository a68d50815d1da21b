"""A process that updates an embedded index in small transactions until it is killed."""

import sys
import time
from pathlib import Path

from app.core.db.database import Database
from app.search.embedded import synchronizer
from app.search.embedded.index_file import IndexFiles
from tests.support.databases import make_settings


def main() -> None:
    folder, url, questions = sys.argv[1:]
    synchronizer.UPDATE_QUESTIONS = synchronizer.REBUILD_QUESTIONS = int(questions)
    settings = make_settings(Path(folder), url)
    database = Database(settings)
    files = IndexFiles(settings.data_dir)
    worker = synchronizer.Synchronizer(database, settings, files)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        worker.step(lambda _path, _mark: None)
        time.sleep(0.001)


if __name__ == "__main__":
    main()
