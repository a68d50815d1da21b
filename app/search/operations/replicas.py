"""The replicas of the change feed: a worker's catalog and both kinds of search index.

Each gives the revision of every question that it contains, for the drift check to compare.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import islice
from typing import Protocol

from app.catalog.service import Catalog
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.settings import Settings
from app.published.follower import NO_MARK
from app.search.embedded.index_file import IndexFiles, open_index
from app.search.embedded.tables import indexed_revisions, read_banks, read_state
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import live_rows
from app.search.meilisearch.client import AdminClient
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.indexes.comparison import MAX_DOCUMENT_ID
from app.search.meilisearch.indexes.index_names import live_index_name
from app.search.meilisearch.signature import row_signature
from app.search.meilisearch.state import MirrorStateStore

CHUNK_ROWS = 2000
# No revision has this number: it stands for content that matches no current revision.
UNKNOWN_REVISION = 0

NumberAndRevision = tuple[int, int]


class ReplicaError(Exception):
    """The replica cannot be read; the message says why."""


class Replica(Protocol):
    """An index, or a worker's memory, that follows the change feed.

    `includes_exam_banks`: whether it contains the questions of exam banks too.
    """

    name: str
    includes_exam_banks: bool

    @property
    def mark(self) -> Mark:
        """The public state that it claims to contain."""

    def revisions(self) -> AsyncIterator[NumberAndRevision]:
        """Yield the number and revision of every question in it.

        UNKNOWN_REVISION stands for outdated content. ReplicaError if it cannot be read.
        """

    def quarantined_numbers(self) -> frozenset[int]:
        """Return the numbers of the questions that it is known to lack."""


class CatalogReplica:
    """A worker's catalog in memory; read it on the worker's event loop."""

    name = "catalog"
    includes_exam_banks = True

    def __init__(self, catalog: Catalog) -> None:
        """Read `catalog`."""
        self._catalog = catalog

    @property
    def mark(self) -> Mark:
        """The mark that the worker has applied."""
        return self._catalog.mark

    async def revisions(self) -> AsyncIterator[NumberAndRevision]:
        """Yield what the worker serves; other requests run between two chunks."""
        for number in range(1, self._catalog.largest_number + 1):
            if number % CHUNK_ROWS == 0:
                await asyncio.sleep(0)
            try:
                entry = self._catalog.entry(number)
            except KeyError:
                continue
            if entry.revision is not None:
                yield number, entry.revision

    def quarantined_numbers(self) -> frozenset[int]:
        """Return nothing: a catalog has no quarantine."""
        return frozenset()


class EmbeddedReplica:
    """The file of the embedded index."""

    name = "embedded"
    includes_exam_banks = False

    def __init__(self, settings: Settings) -> None:
        """Read the file in the data directory."""
        self._store = IndexFiles(settings.data_dir)

    @property
    def mark(self) -> Mark:
        """The mark that is stored in the file."""
        path = self._store.current()
        if path is None:
            message = "the embedded index does not exist"
            raise ReplicaError(message)
        with closing(open_index(path, read_only=True)) as connection:
            return read_state(connection).mark

    async def revisions(self) -> AsyncIterator[NumberAndRevision]:
        """Yield the rows of the tables of all banks."""
        async for row in _in_chunks(self._read_all()):
            yield row

    def quarantined_numbers(self) -> frozenset[int]:
        """Return nothing: the embedded index has no quarantine."""
        return frozenset()

    def _read_all(self) -> Iterator[NumberAndRevision]:
        path = self._store.current()
        if path is None:
            return
        with closing(open_index(path, read_only=True)) as connection:
            for bank in read_banks(connection).values():
                yield from indexed_revisions(connection, bank)


class MeilisearchReplica:
    """The live indexes on a Meilisearch server."""

    name = "meilisearch"
    includes_exam_banks = False

    def __init__(self, database: Database, settings: Settings) -> None:
        """Read the server that the settings name."""
        self._database = database
        self._settings = settings
        self._store = MirrorStateStore(database)
        self._context = IndexingContext(settings)

    @property
    def mark(self) -> Mark:
        """The mark that the mirror has acknowledged."""
        saved = self._store.load()
        return NO_MARK if saved is None else saved[0].mark

    async def revisions(self) -> AsyncIterator[NumberAndRevision]:
        """Yield the documents of all banks; UNKNOWN_REVISION where the signature is outdated."""
        async for row in _in_chunks(self._read_all()):
            yield row

    def quarantined_numbers(self) -> frozenset[int]:
        """Return the numbers of the questions that the server rejects."""
        return frozenset(self._store.load_quarantine())

    def _read_all(self) -> Iterator[NumberAndRevision]:
        saved = self._store.load()
        for bank, index in (saved[1] if saved else {}).items():
            if index.live_created_at is None:
                message = f"the index of {bank} does not exist"
                raise ReplicaError(message)
            try:
                yield from self._read_bank(bank)
            except ServerError as error:
                message = f"the search server cannot be read: {error}"
                raise ReplicaError(message) from error

    def _read_bank(self, bank: str) -> Iterator[NumberAndRevision]:
        index = live_index_name(self._settings.search_prefix, bank)
        last_number = 0
        while last_number != MAX_DOCUMENT_ID:
            # One client for each chunk: chunks are read in different threads.
            client = AdminClient(self._settings)
            with self._database.read() as session:
                self._context.refresh(session)
                rows = live_rows(session.connection(), bank, last_number, CHUNK_ROWS)
            up_to = rows[-1].number if len(rows) == CHUNK_ROWS else MAX_DOCUMENT_ID
            includes_answer = self._context.banks.get(bank, False)
            expected = {
                row.number: row_signature(row, self._context.term_texts, includes_answer)
                for row in rows
            }
            indexed = client.get_signatures(index, last_number, up_to)
            for number, (revision, signature) in indexed.items():
                is_current = expected.get(number, signature) == signature
                yield number, revision if is_current else UNKNOWN_REVISION
            last_number = up_to


async def _in_chunks(rows: Iterator[NumberAndRevision]) -> AsyncIterator[NumberAndRevision]:
    """Yield rows that are read in chunks in other threads, so that the event loop stays free."""
    while chunk := await asyncio.to_thread(lambda: list(islice(rows, CHUNK_ROWS))):
        for row in chunk:
            yield row
