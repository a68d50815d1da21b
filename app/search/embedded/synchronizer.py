"""Keeps the embedded index equal to the published questions, or rebuilds it; the indexing loop.

Every worker process may do either. Updates go to the current file, one transaction at a time; a
rebuild writes a new file beside it, under a lock.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from app.core.db.clock_poller import ClockPoller
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.search.embedded import tables
from app.search.embedded.index_file import (
    DamagedIndexError,
    IndexFiles,
    file_inode,
    is_damage,
    open_index,
)
from app.search.embedded.index_updater import (
    HistoryChangedError,
    IndexUpdater,
    Progress,
    transaction,
)

# Questions in one transaction: few in an update, so that another worker does not wait long for
# SQLite's write lock, and many in a rebuild, which nobody waits for.
UPDATE_QUESTIONS = 200
REBUILD_QUESTIONS = 2000

# Called with the current file and its mark.
OnProgress = Callable[[Path, Mark], None]

log = logging.getLogger(__name__)


class StoppingError(Exception):
    """The worker process stops; the next start continues the unfinished work."""


class Synchronizer:
    """The writing side of the embedded index, for one thread of a worker process."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        files: IndexFiles,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Index what `database` publishes into `files` until `is_stopping` returns True."""
        self._database = database
        self._settings = settings
        self._files = files
        self._is_stopping = is_stopping
        self._updater = IndexUpdater(database, settings)
        self.clock = ClockPoller(database)
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[Path, int] | None = None
        self._changes_since_merge = 0

    def step(self, on_progress: OnProgress, suspect: Path | None = None) -> bool:
        """Bring the index to the current state of the clock.

        A file that is missing, damaged, of another history, or `suspect` is replaced by a new
        one. Returns False if another process is rebuilding the index. Raises StoppingError.
        """
        seen = self._files.current()
        try:
            if self._open(suspect):
                self._update(on_progress)
                return True
        except (DamagedIndexError, HistoryChangedError) as error:
            log.warning("the search index is rebuilt: %s", error)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            log.warning("the search index is rebuilt: %s", error)
        self.close()
        return self._rebuild(on_progress, seen)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened = None

    def reindex(self, numbers: Sequence[int]) -> None:
        """Let the next step index these questions again."""
        self._open(None)
        if self._connection is not None:
            with transaction(self._connection):
                tables.queue_reindex(self._connection, numbers)

    def _open(self, suspect: Path | None) -> bool:
        """Open the current file if it is not open yet; return whether there is a usable one."""
        path = self._files.current()
        if path is None or path == suspect:
            self.close()
            return False
        opened = (path, file_inode(path))
        if opened != self._opened or self._connection is None:
            self.close()
            self._connection = open_index(path, read_only=False)
            self._opened = opened
        return True

    def _update(self, on_progress: OnProgress) -> None:
        connection, opened = self._connection, self._opened
        if connection is None or opened is None:
            return
        path = opened[0]
        state = tables.read_state(connection)
        on_progress(path, state.mark)
        queue_is_empty = not tables.queued_for_reindex(connection, 1)
        progress = Progress(state, queue_is_empty, self.clock.read())
        while not progress.is_done:
            progress = self._advance(connection, UPDATE_QUESTIONS)
            self._merge_if_due(connection, progress.questions)
            on_progress(path, progress.state.mark)

    def _rebuild(self, on_progress: OnProgress, seen: Path | None) -> bool:
        with self._files.build_lock() as locked:
            if not locked:
                return False
            if self._files.current() != seen:
                # Another process has just built one; the next step opens it.
                return True
            self._files.remove_unused()
            self._build(on_progress)
            self._files.remove_unused()
        return True

    def _build(self, on_progress: OnProgress) -> None:
        self._updater = IndexUpdater(self._database, self._settings)
        path, connection = self._files.create()
        with closing(connection):
            # The file does not count until the pointer names it, so it is synced only then.
            connection.execute("PRAGMA synchronous=OFF")
            with self._database.engine.connect() as source:
                epoch = read_mark(source).epoch
            with transaction(connection):
                tables.create_tables(connection, epoch)
            progress = self._advance(connection, REBUILD_QUESTIONS)
            while not progress.is_done:
                progress = self._advance(connection, REBUILD_QUESTIONS)
            for bank in tables.read_banks(connection).values():
                with transaction(connection):
                    tables.merge_all_segments(connection, bank)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._files.point_to(path)
        on_progress(path, progress.state.mark)

    def _advance(self, connection: sqlite3.Connection, max_rows: int) -> Progress:
        if self._is_stopping():
            raise StoppingError
        return self._updater.advance(connection, max_rows)

    def _merge_if_due(self, connection: sqlite3.Connection, changes: int) -> None:
        self._changes_since_merge += changes
        if self._changes_since_merge >= tables.CHANGES_PER_MERGE:
            self._changes_since_merge = 0
            for bank in tables.read_banks(connection).values():
                with transaction(connection):
                    tables.merge_segments(connection, bank)
