"""The SQL of the embedded index: its state, its banks, and an FTS5 table for each bank.

Raise `SCHEMA_VERSION` in `index_file` when a table or the text in it changes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.core.db.edition_clock import Mark
from app.search.text.documents import SearchDocument
from app.search.text.token_phrase import FIELDS
from app.search.text.tokenizer import WORD_SIGNS, indexed_text

# FTS5 merges this number of pages of each bank's index after this number of changed questions.
CHANGES_PER_MERGE = 1000
MERGE_PAGES = 200
# The change log of a bank covers this number of versions.
MAX_LOGGED_VERSIONS = 200
# A version that changed more questions is not logged: nothing that is cached survives it.
MAX_LOGGED_QUESTIONS = 200

_TABLES = """
CREATE TABLE index_state (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, seq INTEGER NOT NULL,
  config_version INTEGER NOT NULL, planned_config_version INTEGER NOT NULL,
  last_bank_number INTEGER NOT NULL
);
CREATE TABLE banks (
  slug TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, with_answers INTEGER NOT NULL,
  version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE reindex_queue (question INTEGER PRIMARY KEY);
CREATE TABLE term_texts (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE change_log (
  bank INTEGER NOT NULL, version INTEGER NOT NULL, question INTEGER NOT NULL,
  PRIMARY KEY (bank, version, question)
) WITHOUT ROWID
"""


class IndexState(NamedTuple):
    """What the index contains.

    `mark` is the published state that it has reached. Up to `planned_config_version`, changes of
    banks and terms are known and the questions that they concern are in the reindex queue.
    """

    mark: Mark
    planned_config_version: int


class IndexedBank(NamedTuple):
    """A bank in the index; `version` grows by one with each change of its questions."""

    slug: str
    number: int
    with_answers: bool
    version: int

    @property
    def table(self) -> str:
        """The name of its FTS5 table."""
        return f"bank_{self.number:d}"

    @property
    def vocabulary_table(self) -> str:
        """The name of the fts5vocab table that lists its tokens."""
        return f"vocabulary_{self.number:d}"


def create_tables(connection: sqlite3.Connection, epoch: str) -> None:
    """Create the tables of an empty index for the history `epoch`."""
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO index_state VALUES (1, ?, 0, -1, -1, 0)", (epoch,))


def read_state(connection: sqlite3.Connection) -> IndexState:
    """Return what the index contains; raise DatabaseError if the state's row is missing."""
    row = connection.execute(
        "SELECT epoch, seq, config_version, planned_config_version FROM index_state"
    ).fetchone()
    if row is None:
        message = "index_state has no row"
        raise sqlite3.DatabaseError(message)
    return IndexState(Mark(*row[:3]), row[3])


def write_state(connection: sqlite3.Connection, state: IndexState) -> None:
    """Save the state of the index."""
    connection.execute(
        "UPDATE index_state SET epoch = ?, seq = ?, config_version = ?, planned_config_version = ?",
        (*state.mark, state.planned_config_version),
    )


def read_banks(connection: sqlite3.Connection) -> dict[str, IndexedBank]:
    """Return the banks of the index by slug."""
    rows = connection.execute("SELECT slug, number, with_answers, version FROM banks ORDER BY slug")
    return {row[0]: IndexedBank(row[0], row[1], bool(row[2]), row[3]) for row in rows}


def add_bank(connection: sqlite3.Connection, slug: str, *, with_answers: bool) -> IndexedBank:
    """Add a bank with an empty table."""
    # The number of a removed bank is never used again, because caches have it in their keys.
    numbered = connection.execute(
        "UPDATE index_state SET last_bank_number = last_bank_number + 1 RETURNING last_bank_number"
    ).fetchall()
    bank = IndexedBank(slug, numbered[0][0], with_answers, 0)
    connection.execute("INSERT INTO banks VALUES (?, ?, ?, 0)", (slug, bank.number, with_answers))
    connection.execute(
        f"CREATE VIRTUAL TABLE {bank.table} USING fts5({', '.join(FIELDS)}, revision UNINDEXED,"
        f" stem_text UNINDEXED, tokenize=\"ascii tokenchars '{WORD_SIGNS}'\", prefix='1 2 3')"
    )
    connection.execute(
        f"CREATE VIRTUAL TABLE {bank.vocabulary_table} USING fts5vocab({bank.table}, col)"
    )
    return bank


def drop_bank(connection: sqlite3.Connection, bank: IndexedBank) -> None:
    """Remove a bank from the index with all of its tokens."""
    connection.execute(f"DROP TABLE {bank.vocabulary_table}")
    connection.execute(f"DROP TABLE {bank.table}")
    connection.execute("DELETE FROM banks WHERE slug = ?", (bank.slug,))
    connection.execute("DELETE FROM change_log WHERE bank = ?", (bank.number,))


def set_with_answers(connection: sqlite3.Connection, slug: str, *, with_answers: bool) -> None:
    """Set whether the answers of a bank are indexed."""
    connection.execute("UPDATE banks SET with_answers = ? WHERE slug = ?", (with_answers, slug))


def replace_documents(
    connection: sqlite3.Connection,
    bank: IndexedBank,
    documents: Sequence[SearchDocument],
    removed: Sequence[int],
) -> None:
    """Insert or replace documents of a bank, and delete the questions `removed`."""
    # For a question that is not in the table this costs only a lookup.
    delete = f"DELETE FROM {bank.table} WHERE rowid = ?"  # noqa: S608 - only the table's number varies
    numbers = [*removed, *(document.number for document in documents)]
    connection.executemany(delete, [(number,) for number in numbers])
    connection.executemany(
        f"INSERT INTO {bank.table} (rowid, {', '.join(FIELDS)}, revision, stem_text)"  # noqa: S608
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        map(_row_values, documents),
    )
    _log_version(connection, bank, numbers)


def changed_since(
    connection: sqlite3.Connection, bank: IndexedBank, version: int
) -> list[int] | None:
    """Return which questions changed after a version; None if the log does not reach back to it."""
    rows = connection.execute(
        "SELECT version, question FROM change_log WHERE bank = ? AND version > ?",
        (bank.number, version),
    ).fetchall()
    if len({row[0] for row in rows}) != bank.version - version:
        return None
    return sorted({row[1] for row in rows})


def merge_segments(connection: sqlite3.Connection, bank: IndexedBank) -> None:
    """Merge some segments of a bank's index, so that queries read fewer of them."""
    statement = f"INSERT INTO {bank.table} ({bank.table}, rank) VALUES ('merge', ?)"  # noqa: S608
    connection.execute(statement, (MERGE_PAGES,))


def merge_all_segments(connection: sqlite3.Connection, bank: IndexedBank) -> None:
    """Merge all segments of a bank's index into one."""
    connection.execute(f"INSERT INTO {bank.table} ({bank.table}) VALUES ('optimize')")  # noqa: S608


def indexed_revisions(
    connection: sqlite3.Connection, bank: IndexedBank
) -> Iterator[tuple[int, int]]:
    """Yield number and revision of each question in a bank's table."""
    yield from connection.execute(
        f"SELECT rowid, revision FROM {bank.table} ORDER BY rowid"  # noqa: S608
    )


def queue_reindex(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Add questions to the reindex queue: they are indexed again although they did not change."""
    connection.executemany(
        "INSERT OR IGNORE INTO reindex_queue VALUES (?)", [(number,) for number in numbers]
    )


def queued_for_reindex(connection: sqlite3.Connection, limit: int) -> list[int]:
    """Return the numbers of at most `limit` questions in the reindex queue."""
    rows = connection.execute(
        "SELECT question FROM reindex_queue ORDER BY question LIMIT ?", (limit,)
    )
    return [number for (number,) in rows]


def remove_from_queue(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Remove questions from the reindex queue."""
    connection.executemany(
        "DELETE FROM reindex_queue WHERE question = ?", [(number,) for number in numbers]
    )


def read_term_texts(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the text of each term in the indexed documents; see `documents.term_texts`."""
    return dict(connection.execute("SELECT name, text FROM term_texts"))


def write_term_texts(
    connection: sqlite3.Connection, before: dict[str, str], after: dict[str, str]
) -> None:
    """Replace the texts of terms `before` by those `after`."""
    removed = [(name,) for name in before.keys() - after.keys()]
    connection.executemany("DELETE FROM term_texts WHERE name = ?", removed)
    changed = [(name, text) for name, text in after.items() if before.get(name) != text]
    connection.executemany("INSERT OR REPLACE INTO term_texts VALUES (?, ?)", changed)


def _log_version(connection: sqlite3.Connection, bank: IndexedBank, numbers: Sequence[int]) -> None:
    """Raise the version of a bank and log the questions that it changed."""
    raise_version = "UPDATE banks SET version = version + 1 WHERE slug = ? RETURNING version"
    version = connection.execute(raise_version, (bank.slug,)).fetchall()[0][0]
    is_logged = len(numbers) <= MAX_LOGGED_QUESTIONS
    expired = version - MAX_LOGGED_VERSIONS if is_logged else version
    connection.execute(
        "DELETE FROM change_log WHERE bank = ? AND version <= ?", (bank.number, expired)
    )
    if is_logged:
        rows = [(bank.number, version, number) for number in numbers]
        connection.executemany("INSERT OR IGNORE INTO change_log VALUES (?, ?, ?)", rows)


def _row_values(document: SearchDocument) -> tuple[object, ...]:
    texts = (document.stem, document.options, document.terms, document.hints, document.answer)
    return (document.number, *map(indexed_text, texts), document.revision, document.stem)
