"""Compares what was published with a copy of it, by id and revision, in both directions."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import text

from app.access.access_snapshot import AccessSnapshot
from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.search.embedded.index_file import Store, open_index
from app.search.embedded.tables import held, read_banks, read_state
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import live_rows, rows_numbered
from app.search.meilisearch.client import Server
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.index_names import live_name
from app.search.meilisearch.signature import signature
from app.search.meilisearch.state import States

PATIENCE = 5.0
PART = 2000
# So many numbers of each kind are named; the counts are whole.
NAMED = 100
END = 2**53 - 1

_LIVE = text("SELECT number, revision, bank FROM published WHERE revision IS NOT NULL")

Pair = tuple[int, int]


class CopyError(Exception):
    """The copy cannot be read; the message says why."""


class Copy(Protocol):
    """What follows the publications: an index, or a worker's memory."""

    name: str
    # Whether questions of exam banks are in it as well.
    exams: bool

    @property
    def mark(self) -> Mark:
        """The state that it claims to hold."""

    def pairs(self) -> AsyncIterator[Pair]:
        """Yield number and revision of everything in it; CopyError where it cannot be read.

        A revision of 0 stands for a content that is not that of any revision now.
        """

    def excused(self) -> frozenset[int]:
        """Return the numbers of questions that it knows to be missing."""


@dataclass(slots=True)
class Drift:
    """How a copy differs, as numbers of questions; `behind`: it has not reached the clock."""

    name: str
    behind: bool = False
    compared: int = 0
    excused: int = 0
    missing: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    ghost: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many questions differ."""
        return len(self.missing) + len(self.stale) + len(self.ghost)

    def values(self) -> dict[str, Any]:
        """Return it as JSON, with the first numbers of each kind."""
        return {
            "name": self.name,
            "behind": self.behind,
            "compared": self.compared,
            "quarantined": self.excused,
            **{
                kind: {"count": len(numbers), "numbers": numbers[:NAMED]}
                for kind, numbers in (
                    ("missing", self.missing),
                    ("stale", self.stale),
                    ("ghost", self.ghost),
                )
            },
        }


async def check(database: Database, settings: Settings, copy: Copy) -> Drift:
    """Compare a copy with what was published, up to the state that it has reached.

    What changes meanwhile is no drift: only rows that stood still since before are counted.
    """
    clock = await asyncio.to_thread(_clock, database)
    deadline = time.monotonic() + PATIENCE
    while not (covered := copy.mark.covers(clock)) and time.monotonic() < deadline:  # noqa: ASYNC110 - other processes move it
        await asyncio.sleep(0.05)
    mark = copy.mark
    # A copy of another history has reached nothing of this one.
    upto = min(clock.seq, mark.seq) if mark.epoch == clock.epoch else 0
    theirs = {number: revision async for number, revision in copy.pairs()}
    drift = await asyncio.to_thread(_compare, database, settings, copy, theirs, upto)
    drift.behind = not covered
    excused = copy.excused()
    drift.missing = [number for number in drift.missing if number not in excused]
    drift.excused = len(excused)
    return drift


def _clock(database: Database) -> Mark:
    with database.read() as session:
        return read_mark(session)


def _compare(
    database: Database, settings: Settings, copy: Copy, theirs: Mapping[int, int], upto: int
) -> Drift:
    drift = Drift(copy.name)
    left = dict(theirs)
    access = AccessSnapshot(settings)
    missing, stale = [], []
    with database.read() as session:
        access.load(session)
        banks = {
            slug
            for slug, bank in access.rights.banks.items()
            if copy.exams or bank.exposure == "open"
        }
        connection = session.connection()
        for number, revision, bank in connection.execute(_LIVE):
            if bank not in banks:
                continue
            drift.compared += 1
            found = left.pop(number, None)
            if found is None:
                missing.append(number)
            elif found != revision:
                stale.append(number)
        rows = rows_numbered(connection, [*missing, *stale, *left])

    def settled(numbers: list[int]) -> list[int]:
        return sorted(
            number for number in numbers if number not in rows or rows[number].seq <= upto
        )

    drift.missing, drift.stale = settled(missing), settled(stale)
    drift.ghost = settled(list(left))
    return drift


class CatalogCopy:
    """A worker's memory, to be read on its event loop."""

    name = "catalog"
    exams = True

    def __init__(self, catalog: Catalog) -> None:
        """Read `catalog`."""
        self._catalog = catalog

    @property
    def mark(self) -> Mark:
        """What the worker has applied."""
        return self._catalog.mark

    async def pairs(self) -> AsyncIterator[Pair]:
        """Yield what the worker serves, letting it serve meanwhile."""
        for number in range(1, self._catalog.largest_number + 1):
            if number % PART == 0:
                await asyncio.sleep(0)
            try:
                entry = self._catalog.entry(number)
            except KeyError:
                continue
            if entry.revision is not None:
                yield number, entry.revision

    def excused(self) -> frozenset[int]:
        """Nothing may be missing."""
        return frozenset()


class EmbeddedCopy:
    """The embedded index's file."""

    name = "embedded"
    exams = False

    def __init__(self, settings: Settings) -> None:
        """Read the file in the data directory."""
        self._store = Store(settings.data_dir)

    @property
    def mark(self) -> Mark:
        """What the file says that it holds."""
        path = self._store.current()
        if path is None:
            message = "the embedded index is not there"
            raise CopyError(message)
        with closing(open_index(path, reading=True)) as connection:
            return read_state(connection).mark

    async def pairs(self) -> AsyncIterator[Pair]:
        """Yield what stands in the tables of all banks."""
        pairs = self._all()
        while part := await asyncio.to_thread(lambda: list(islice(pairs, PART))):
            for pair in part:
                yield pair

    def excused(self) -> frozenset[int]:
        """Nothing may be missing."""
        return frozenset()

    def _all(self) -> Iterator[Pair]:
        path = self._store.current()
        if path is None:
            return
        with closing(open_index(path, reading=True)) as connection:
            for bank in read_banks(connection).values():
                yield from held(connection, bank)


class MirrorCopy:
    """The indexes on a Meilisearch server."""

    name = "meilisearch"
    exams = False

    def __init__(self, database: Database, settings: Settings) -> None:
        """Read the server that the settings name."""
        self._database = database
        self._settings = settings
        self._states = States(database)
        self._knowledge = Knowledge(settings)

    @property
    def mark(self) -> Mark:
        """What the mirror has acknowledged."""
        kept = self._states.read()
        return Mark("", 0, -1) if kept is None else kept[0].mark

    async def pairs(self) -> AsyncIterator[Pair]:
        """Yield what stands in the indexes, with revision 0 where the signature is not ours."""
        pairs = self._all()
        while part := await asyncio.to_thread(lambda: list(islice(pairs, PART))):
            for pair in part:
                yield pair

    def excused(self) -> frozenset[int]:
        """Return what was quarantined."""
        return frozenset(self._states.quarantined())

    def _all(self) -> Iterator[Pair]:
        kept = self._states.read()
        for bank, place in (kept[1] if kept else {}).items():
            if place.incarnation is None:
                message = f"the index of {bank} is not there"
                raise CopyError(message)
            try:
                yield from self._of_bank(bank)
            except ServerError as error:
                message = f"the search server cannot be read: {error}"
                raise CopyError(message) from error

    def _of_bank(self, bank: str) -> Iterator[Pair]:
        at = 0
        while at != END:
            # Made anew for each part: the official client belongs to one thread.
            server = Server(self._settings)
            with self._database.read() as session:
                self._knowledge.refresh(session)
                rows = live_rows(session.connection(), bank, at, PART)
            upto = rows[-1].number if len(rows) == PART else END
            with_answer = self._knowledge.banks.get(bank, False)
            ours = {row.number: signature(row, self._knowledge.texts, with_answer) for row in rows}
            found = server.signatures(live_name(self._settings.search_prefix, bank), at, upto)
            for number, (revision, signed) in found.items():
                yield number, revision if ours.get(number, signed) == signed else 0
            at = upto
