"""Rebuilds and repairs search indexes on request, and waits until they are live.

On Meilisearch the lease holder's mirror does the work, as requested in the database; the embedded
index is built by the calling process.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded.index_file import IndexFiles, open_index
from app.search.embedded.synchronizer import Synchronizer
from app.search.embedded.tables import read_state
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import count_live
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.state import IndexState, MirrorStateStore
from app.search.meilisearch.status import read_status
from app.search.meilisearch.timings import DEFAULT_TIMINGS, Timings

PROGRESS_POLL_SECONDS = 0.1
LOCK_RETRY_SECONDS = 0.05


class RebuildProgress(NamedTuple):
    """How many of `total` questions are indexed, and the server's failure, if there is one."""

    done: int
    total: int
    failure: str | None


OnProgress = Callable[[RebuildProgress], None]


def reindex_server(
    database: Database,
    settings: Settings,
    banks: Sequence[str] | None,
    on_progress: OnProgress,
    timings: Timings = DEFAULT_TIMINGS,
) -> None:
    """Rebuild the Meilisearch indexes of `banks`, or of all; return when they are live.

    Searches use the old indexes until then. The request is stored in the database, so it is
    carried out even if this process dies.
    """
    store = MirrorStateStore(database)
    live_counts = _count_live_by_bank(database, settings, banks)
    with _running_mirror(database, settings, timings):
        _wait_until(database, live_counts, _is_known, on_progress)
        store.request_rebuild(sorted(live_counts))
        _wait_until(database, live_counts, _is_rebuilt, on_progress)


def repair_server(
    database: Database,
    settings: Settings,
    on_progress: OnProgress,
    timings: Timings = DEFAULT_TIMINGS,
) -> None:
    """Compare every Meilisearch index with the database and repair it; return when done."""
    live_counts = _count_live_by_bank(database, settings, None)
    with _running_mirror(database, settings, timings):
        _wait_until(database, live_counts, _is_known, on_progress)
        MirrorStateStore(database).request_comparison()
        _wait_until(database, live_counts, _is_verified, on_progress)


def reindex_embedded(database: Database, settings: Settings) -> int:
    """Rebuild the embedded index beside the live one; return the `seq` that it contains."""
    store = IndexFiles(settings.data_dir)
    old_path = store.current()
    synchronizer = Synchronizer(database, settings, store)
    with closing(synchronizer):
        while not synchronizer.step(lambda _path, _mark: None, suspect=old_path):
            # Another process is building one; wait until it releases the lock.
            time.sleep(LOCK_RETRY_SECONDS)
    path = store.current()
    if path is None:
        return 0
    with closing(open_index(path, read_only=True)) as connection:
        return read_state(connection).mark.seq


def repair_embedded(database: Database, settings: Settings, numbers: Sequence[int]) -> None:
    """Index questions again in the embedded index."""
    with closing(Synchronizer(database, settings, IndexFiles(settings.data_dir))) as synchronizer:
        synchronizer.reindex(numbers)
        synchronizer.step(lambda _path, _mark: None)


def _count_live_by_bank(
    database: Database, settings: Settings, banks: Sequence[str] | None
) -> dict[str, int]:
    """Return the number of live questions of each indexed bank, or of those in `banks`."""
    context = IndexingContext(settings)
    with database.read() as session:
        context.refresh(session)
        connection = session.connection()
        return {
            bank: count_live(connection, bank)
            for bank in context.banks
            if banks is None or bank in banks
        }


@contextmanager
def _running_mirror(database: Database, settings: Settings, timings: Timings) -> Iterator[None]:
    """Run a mirror in this process during the block; it works if no other holds the lease."""
    mirror = Mirror(database, settings, timings=timings)
    mirror.start()
    try:
        yield
    finally:
        mirror.stop()


def _wait_until(
    database: Database,
    live_counts: dict[str, int],
    condition: Callable[[IndexState | None], bool],
    on_progress: OnProgress,
) -> None:
    """Report progress until the condition is true for every bank's index."""
    store = MirrorStateStore(database)
    while True:
        saved = store.load()
        indexes = saved[1] if saved else {}
        status = read_status(database)
        done = 0
        if condition is not _is_known:
            done = sum(
                _indexed_count(count, indexes.get(bank)) for bank, count in live_counts.items()
            )
        failure = status.report.get("error")
        on_progress(RebuildProgress(done, sum(live_counts.values()), failure))
        if all(condition(indexes.get(bank)) for bank in live_counts):
            return
        time.sleep(PROGRESS_POLL_SECONDS)


def _is_known(index: IndexState | None) -> bool:
    return index is not None


def _is_rebuilt(index: IndexState | None) -> bool:
    return index is not None and not index.rebuild_requested and index.live_created_at is not None


def _is_verified(index: IndexState | None) -> bool:
    return index is not None and _is_rebuilt(index) and not index.comparison_requested


def _indexed_count(live_count: int, index: IndexState | None) -> int:
    if index is None:
        return 0
    return live_count if _is_rebuilt(index) else min(index.copied_rows, live_count)
