"""Has fresh indexes built beside the live ones, by whoever holds the lease, and waits for them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from app.core.db.database import Database
from app.core.settings import Settings
from app.search.embedded.index_file import IndexFiles, open_index
from app.search.embedded.synchronizer import Synchronizer
from app.search.embedded.tables import read_state
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import count_live
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.state import Place, States
from app.search.meilisearch.status import read_status
from app.search.meilisearch.timings import PACE, Pace


class Work(NamedTuple):
    """How far a rebuild is: questions sent, of how many, and what keeps it, if something does."""

    done: int
    total: int
    trouble: str | None


Tell = Callable[[Work], None]


def reindex_server(
    database: Database,
    settings: Settings,
    banks: Sequence[str] | None,
    tell: Tell,
    pace: Pace = PACE,
) -> None:
    """Have the indexes of `banks`, or of all, built anew on the server; return when they are live.

    Searches go on in the old ones until the new ones are complete. The request stands in the
    database: it is carried out even when this process dies.
    """
    states = States(database)
    wanted = _searchable(database, settings, banks)
    with _mirroring(database, settings, pace):
        _until(database, wanted, _is_there, tell)
        states.request(sorted(wanted), rebuild=True)
        _until(database, wanted, _is_new, tell)


def repair_server(database: Database, settings: Settings, tell: Tell, pace: Pace = PACE) -> None:
    """Have every index compared with the database and mended; return when it is."""
    wanted = _searchable(database, settings, None)
    with _mirroring(database, settings, pace):
        _until(database, wanted, _is_there, tell)
        States(database).request(None, rebuild=False)
        _until(database, wanted, lambda place: _is_new(place) and not _waits(place), tell)


def reindex_embedded(database: Database, settings: Settings) -> int:
    """Build the embedded index anew beside the live one, and return its place in the feed."""
    store = IndexFiles(settings.data_dir)
    former = store.current()
    synchronizer = Synchronizer(database, settings, store)
    with closing(synchronizer):
        while not synchronizer.step(lambda _path, _mark: None, suspect=former):
            # Another process builds one already.
            time.sleep(PACE.poll)
    path = store.current()
    if path is None:
        return 0
    with closing(open_index(path, read_only=True)) as connection:
        return read_state(connection).mark.seq


def repair_embedded(database: Database, settings: Settings, numbers: Sequence[int]) -> None:
    """Have questions indexed anew in the embedded index."""
    with closing(Synchronizer(database, settings, IndexFiles(settings.data_dir))) as synchronizer:
        synchronizer.reindex(numbers)
        synchronizer.step(lambda _path, _mark: None)


def _searchable(
    database: Database, settings: Settings, banks: Sequence[str] | None
) -> dict[str, int]:
    knowledge = Knowledge(settings)
    with database.read() as session:
        knowledge.refresh(session)
        connection = session.connection()
        return {
            bank: count_live(connection, bank)
            for bank in knowledge.banks
            if banks is None or bank in banks
        }


@contextmanager
def _mirroring(database: Database, settings: Settings, pace: Pace) -> Iterator[None]:
    """Mirror in this process while the block runs, if no other does."""
    mirror = Mirror(database, settings, pace=pace)
    mirror.start()
    try:
        yield
    finally:
        mirror.stop()


def _until(
    database: Database,
    wanted: dict[str, int],
    reached: Callable[[Place | None], bool],
    tell: Tell,
) -> None:
    states = States(database)
    while True:
        kept = states.read()
        places = kept[1] if kept else {}
        status = read_status(database)
        left = [bank for bank in wanted if not reached(places.get(bank))]
        done = 0
        if reached is not _is_there:
            done = sum(_done(wanted, places.get(bank)) for bank in wanted)
        tell(Work(done, sum(wanted.values()), status.report.get("error")))
        if not left:
            return
        time.sleep(0.1)


def _is_there(place: Place | None) -> bool:
    return place is not None


def _is_new(place: Place | None) -> bool:
    return place is not None and not place.wanted and place.incarnation is not None


def _waits(place: Place | None) -> bool:
    return place is not None and place.compare


def _done(wanted: dict[str, int], place: Place | None) -> int:
    if place is None:
        return 0
    return wanted[place.bank] if _is_new(place) else min(place.done, wanted[place.bank])
