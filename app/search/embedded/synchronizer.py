"""Keeps an embedded index equal to what is public, or builds one; every worker may do either."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text
from sqlmodel import Session

from app.core.db.clock_poller import ClockWatch
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.published.answers import read_answers
from app.published.document_reader import read_documents
from app.published.follower import PublishedRow
from app.search.embedded import tables
from app.search.embedded.index_file import DamagedError, Store, inode, is_damage, open_index
from app.search.embedded.tables import State
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import rows_after, rows_numbered
from app.search.text.documents import VOCABULARIES, SearchDocument, search_document

# A transaction of the index, small enough that another worker's is not kept waiting.
ROWS = 200
BUILD_ROWS = 2000

_TERMS = text(
    f"SELECT number, {', '.join(VOCABULARIES)} FROM published WHERE revision IS NOT NULL"  # noqa: S608
)
_OF_BANK = text(
    "SELECT number FROM published"
    " WHERE bank = :bank AND revision IS NOT NULL AND seq <= :seq ORDER BY number"
)

log = logging.getLogger(__name__)


class HistoryError(Exception):
    """The index is of another history than the database: it has to be built anew."""


class StoppedError(Exception):
    """The worker ends; what was not finished is gone on with at the next start."""


class Synchronizer:
    """The writing side of the embedded index in one thread of one worker."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        store: Store,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Follow the database into the store until `stopping` says otherwise."""
        self._database = database
        self._settings = settings
        self._store = store
        self._stopping = stopping
        self._knowledge = Knowledge(settings)
        self.clock = ClockWatch(database)
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[Path, int] | None = None
        self._changes = 0

    def step(self, told: Callable[[Path, Mark], None], suspect: Path | None = None) -> bool:
        """Bring the index to where the clock stands now; False where another process builds one.

        `told` hears of the file and its mark whenever one of them moves. A file that is missing,
        damaged, of another history, or `suspect` is replaced by a new one.
        """
        seen = self._store.current()
        try:
            if self._open(suspect) is not None:
                self._follow(told)
                return True
        except (DamagedError, HistoryError) as error:
            log.warning("the search index is built anew: %s", error)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            log.warning("the search index is built anew: %s", error)
        self.close()
        return self._rebuild(told, seen)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened = None

    def mend(self, numbers: Sequence[int]) -> None:
        """Have questions indexed anew at the next step."""
        path = self._open(None)
        if path is None or self._connection is None:
            return
        connection = self._connection
        with _transaction(connection):
            tables.postpone(connection, numbers)

    def _open(self, suspect: Path | None) -> Path | None:
        path = self._store.current()
        if path is None or path == suspect:
            self.close()
            return None
        opened = (path, inode(path))
        if opened != self._opened or self._connection is None:
            self.close()
            self._connection = open_index(path, reading=False)
            self._opened = opened
        return path

    def _follow(self, told: Callable[[Path, Mark], None]) -> None:
        connection, opened = self._connection, self._opened
        if connection is None or opened is None:
            return
        path = opened[0]
        state = tables.read_state(connection)
        told(path, state.mark)
        clock = self.clock.read()
        waiting = bool(tables.postponed(connection, 1))
        while waiting or state.mark != clock:
            if self._stopping():
                raise StoppedError
            state, waiting, clock = self._advance(connection, ROWS)
            told(path, state.mark)

    def _rebuild(self, told: Callable[[Path, Mark], None], seen: Path | None) -> bool:
        with self._store.alone() as alone:
            if not alone:
                return False
            if self._store.current() != seen:
                # Another process was quicker; the next step opens what it built.
                return True
            self._store.clean()
            self._build(told)
            self._store.clean()
        return True

    def _build(self, told: Callable[[Path, Mark], None]) -> None:
        self._knowledge = Knowledge(self._settings)
        path, connection = self._store.create()
        with closing(connection):
            connection.execute("PRAGMA synchronous=OFF")
            with self._database.engine.connect() as source:
                clock = read_mark(source)
            with _transaction(connection):
                tables.make_tables(connection, clock.epoch)
            waiting, state = True, tables.read_state(connection)
            while waiting or state.mark != clock:
                if self._stopping():
                    raise StoppedError
                state, waiting, clock = self._advance(connection, BUILD_ROWS)
            for bank in tables.read_banks(connection).values():
                with _transaction(connection):
                    tables.tidy(connection, bank, wholly=True)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._store.point_to(path)
        told(path, state.mark)

    def _advance(self, connection: sqlite3.Connection, most: int) -> tuple[State, bool, Mark]:
        """Work in some rows; return the state, whether some wait, and the clock."""
        with _transaction(connection):
            state = tables.read_state(connection)
            with self._database.read() as session:
                clock = read_mark(session)
                if clock.epoch != state.mark.epoch:
                    message = "its history was rewritten"
                    raise HistoryError(message)
                if clock.seq < state.mark.seq or clock.config_version < state.planned:
                    message = "the database went back in time"
                    raise HistoryError(message)
                self._knowledge.refresh(session)
                if clock.config_version != state.planned:
                    self._plan(connection, session, state)
                source = session.connection()
                rows = rows_after(source, state.mark.seq, most)
                numbers = tables.postponed(connection, most - len(rows))
                seq = rows[-1].seq if len(rows) == most else clock.seq
                again = rows_numbered(source, numbers)
                self._index(connection, source, {row.number: row for row in rows} | again)
            gone = [number for number in numbers if number not in again]
            for bank in tables.read_banks(connection).values() if gone else ():
                tables.put(connection, bank, (), gone)
            tables.settle(connection, numbers)
            waiting = bool(tables.postponed(connection, 1))
            terms = state.mark.config_version if waiting else clock.config_version
            state = State(Mark(clock.epoch, seq, terms), clock.config_version)
            tables.write_state(connection, state)
        if most == ROWS:
            self._tidy(connection, len(rows) + len(numbers))
        return state, waiting, clock

    def _plan(self, connection: sqlite3.Connection, session: Session, state: State) -> None:
        """Take over rules and names: which banks there are, and what has to be indexed anew."""
        banks = tables.read_banks(connection)
        wanted = self._knowledge.banks
        for slug in banks.keys() - wanted.keys():
            tables.drop_bank(connection, banks[slug])
        source = session.connection()
        for slug, answers in wanted.items():
            if slug not in banks:
                tables.add_bank(connection, slug, answers=answers)
            elif banks[slug].answers != answers:
                tables.set_answers(connection, slug, answers=answers)
            else:
                continue
            tables.postpone(connection, _numbers(source, slug, state.mark.seq))
        before, after = tables.read_terms(connection), self._knowledge.texts
        renamed = {name for name, old in before.items() if after.get(name, old) != old}
        if renamed:
            tables.postpone(connection, _holding(source, renamed))
        tables.write_terms(connection, before, after)

    def _index(
        self, connection: sqlite3.Connection, source: Connection, rows: dict[int, PublishedRow]
    ) -> None:
        banks = tables.read_banks(connection)
        live = [row for row in rows.values() if row.revision is not None and row.bank in banks]
        documents = self._documents(source, live)
        indexed = {document.number for document in documents}
        for slug in {row.bank for row in rows.values()} & banks.keys():
            gone = [
                row.number
                for row in rows.values()
                if row.bank == slug and row.number not in indexed
            ]
            tables.put(
                connection,
                banks[slug],
                [document for document in documents if document.bank == slug],
                gone,
            )

    def _documents(self, source: Connection, rows: list[PublishedRow]) -> list[SearchDocument]:
        wanted = [(row.number, row.revision or 0) for row in rows]
        bodies = read_documents(source, wanted)
        right = self._knowledge.right
        answers: dict[int, bytes] = {}
        if right is not None:
            named = [(row.number, row.revision or 0, row.bank) for row in rows]
            named = [entry for entry in named if entry[2] in right.banks]
            answers = read_answers(source, right, named)
        documents = []
        for row in rows:
            try:
                body, answer = bodies[row.number], answers.get(row.number)
                documents.append(search_document(row, body, answer, self._knowledge.vocabularies))
            except (ValueError, TypeError, KeyError, AttributeError):
                # One question that cannot be read must not keep the others from being found.
                log.exception("question number %d cannot be indexed", row.number)
        return documents

    def _tidy(self, connection: sqlite3.Connection, changes: int) -> None:
        self._changes += changes
        if self._changes >= tables.MERGE_EVERY:
            self._changes = 0
            for bank in tables.read_banks(connection).values():
                with _transaction(connection):
                    tables.tidy(connection, bank, wholly=False)


class _transaction:  # noqa: N801 - used like a function
    """One writing transaction of the index, undone when its block fails."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _numbers(source: Connection, bank: str, seq: int) -> list[int]:
    return [row.number for row in source.execute(_OF_BANK, {"bank": bank, "seq": seq})]


def _holding(source: Connection, names: set[str]) -> list[int]:
    wanted = {
        vocabulary: {name.partition("/")[2] for name in names if name.startswith(vocabulary + "/")}
        for vocabulary in VOCABULARIES
    }
    return [
        row.number
        for row in source.execute(_TERMS)
        if any(
            not wanted[vocabulary].isdisjoint(getattr(row, vocabulary).split(","))
            for vocabulary in VOCABULARIES
        )
    ]
