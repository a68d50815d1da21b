"""Writes changes of the published questions into the index, in transactions of limited size.

Takes rows of the change feed and the reindex queue; writes documents into the banks' FTS5 tables.
"""

import logging
import sqlite3
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlmodel import Session

from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.published.answers import read_answers
from app.published.document_reader import read_documents
from app.published.follower import PublishedRow
from app.search.embedded import tables
from app.search.embedded.tables import IndexState
from app.search.indexing.context import IndexingContext
from app.search.indexing.feed_reader import rows_after, rows_by_number
from app.search.text.documents import SearchDocument, search_document
from app.taxonomy.vocabulary import VOCABULARIES

_TERMS_OF_LIVE = text(
    f"SELECT number, {', '.join(VOCABULARIES)} FROM published WHERE revision IS NOT NULL"  # noqa: S608
)
_LIVE_NUMBERS = text(
    "SELECT number FROM published"
    " WHERE bank = :bank AND revision IS NOT NULL AND seq <= :seq ORDER BY number"
)

log = logging.getLogger(__name__)


class HistoryChangedError(Exception):
    """The index was built from another history of the database: it must be rebuilt."""


class Progress(NamedTuple):
    """The index after a transaction.

    `clock` is the published state that the index has to reach, `questions` the number of questions
    that the transaction indexed.
    """

    state: IndexState
    queue_is_empty: bool
    clock: Mark
    questions: int = 0

    @property
    def is_done(self) -> bool:
        """Whether the index contains everything up to `clock`."""
        return self.queue_is_empty and self.state.mark == self.clock


class transaction:  # noqa: N801 - used like a function
    """A write transaction of the index, rolled back if its block raises an exception."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Prepare a transaction on `connection`."""
        self._connection = connection

    def __enter__(self) -> None:
        """Begin the transaction and take SQLite's write lock."""
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        """Commit or roll back."""
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


class IndexUpdater:
    """Applies changes to an index file, for one thread."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Read from `database`."""
        self._database = database
        self._context = IndexingContext(settings)

    def advance(self, connection: sqlite3.Connection, max_rows: int) -> Progress:
        """Index at most `max_rows` questions in one transaction.

        Raises HistoryChangedError if the database has another epoch or is older than the index.
        """
        with transaction(connection):
            state = tables.read_state(connection)
            with self._database.read() as session:
                clock = read_mark(session)
                _check_history(clock, state)
                self._context.refresh(session)
                if clock.config_version != state.planned_config_version:
                    self._apply_config(connection, session, state)
                source = session.connection()
                rows = rows_after(source, state.mark.seq, max_rows)
                queued = tables.queued_for_reindex(connection, max_rows - len(rows))
                seq = rows[-1].seq if len(rows) == max_rows else clock.seq
                again = rows_by_number(source, queued)
                self._index(connection, source, {row.number: row for row in rows} | again)
            missing = [number for number in queued if number not in again]
            for bank in tables.read_banks(connection).values() if missing else ():
                tables.replace_documents(connection, bank, (), missing)
            tables.remove_from_queue(connection, queued)
            queue_is_empty = not tables.queued_for_reindex(connection, 1)
            terms = clock.config_version if queue_is_empty else state.mark.config_version
            state = IndexState(Mark(clock.epoch, seq, terms), clock.config_version)
            tables.write_state(connection, state)
        return Progress(state, queue_is_empty, clock, len(rows) + len(queued))

    def _apply_config(
        self, connection: sqlite3.Connection, session: Session, state: IndexState
    ) -> None:
        """Add and drop banks as their rules require; queue the questions whose documents change."""
        banks = tables.read_banks(connection)
        wanted = self._context.banks
        for slug in banks.keys() - wanted.keys():
            tables.drop_bank(connection, banks[slug])
        source = session.connection()
        for slug, with_answers in wanted.items():
            if slug not in banks:
                tables.add_bank(connection, slug, with_answers=with_answers)
            elif banks[slug].with_answers != with_answers:
                tables.set_with_answers(connection, slug, with_answers=with_answers)
            else:
                continue
            tables.queue_reindex(connection, _numbers_of_bank(source, slug, state.mark.seq))
        before, after = tables.read_term_texts(connection), self._context.term_texts
        changed = {name for name, old in before.items() if after.get(name, old) != old}
        if changed:
            tables.queue_reindex(connection, _numbers_with_terms(source, changed))
        tables.write_term_texts(connection, before, after)

    def _index(
        self, connection: sqlite3.Connection, source: Connection, rows: dict[int, PublishedRow]
    ) -> None:
        """Replace the documents of live rows and delete those of the others."""
        banks = tables.read_banks(connection)
        live = [row for row in rows.values() if row.revision is not None and row.bank in banks]
        documents = self._documents(source, live)
        indexed = {document.number for document in documents}
        for slug in {row.bank for row in rows.values()} & banks.keys():
            removed = [
                row.number
                for row in rows.values()
                if row.bank == slug and row.number not in indexed
            ]
            tables.replace_documents(
                connection,
                banks[slug],
                [document for document in documents if document.bank == slug],
                removed,
            )

    def _documents(self, source: Connection, rows: list[PublishedRow]) -> list[SearchDocument]:
        """Return the search documents of live rows, without those that cannot be read."""
        revisions = [(row.number, row.revision or 0) for row in rows]
        bodies = read_documents(source, revisions)
        right = self._context.answer_right
        answers: dict[int, bytes] = {}
        if right is not None:
            with_answers = [
                (row.number, row.revision or 0, row.bank) for row in rows if row.bank in right.banks
            ]
            answers = read_answers(source, right, with_answers)
        documents = []
        for row in rows:
            try:
                body, answer = bodies[row.number], answers.get(row.number)
                documents.append(search_document(row, body, answer, self._context.vocabularies))
            except (ValueError, TypeError, KeyError, AttributeError):
                # One unreadable question must not stop the indexing of the others.
                log.exception("question number %d cannot be indexed", row.number)
        return documents


def _check_history(clock: Mark, state: IndexState) -> None:
    if clock.epoch != state.mark.epoch:
        message = "the history of the database was rewritten"
        raise HistoryChangedError(message)
    if clock.seq < state.mark.seq or clock.config_version < state.planned_config_version:
        message = "the database is older than the index"
        raise HistoryChangedError(message)


def _numbers_of_bank(source: Connection, bank: str, seq: int) -> list[int]:
    """Return the live questions of a bank up to `seq`; later ones come from the feed."""
    return [row.number for row in source.execute(_LIVE_NUMBERS, {"bank": bank, "seq": seq})]


def _numbers_with_terms(source: Connection, names: set[str]) -> list[int]:
    """Return the live questions with one of the terms, each given as `vocabulary/slug`."""
    wanted = {
        vocabulary: {name.partition("/")[2] for name in names if name.startswith(vocabulary + "/")}
        for vocabulary in VOCABULARIES
    }
    return [
        row.number
        for row in source.execute(_TERMS_OF_LIVE)
        if any(
            not wanted[vocabulary].isdisjoint(getattr(row, vocabulary).split(","))
            for vocabulary in VOCABULARIES
        )
    ]
