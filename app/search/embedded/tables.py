"""Tables of the embedded index: its mark, its banks, and an FTS5 table a bank."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.core.db.edition_clock import Mark
from app.search.text.documents import SearchDocument
from app.search.text.spelling import FIELDS
from app.search.text.words import SIGNS, indexed_text

# So much of a bank's index is put in order after as many changes.
MERGE_EVERY = 1000
MERGE_PAGES = 200
# What so many of its last versions changed is known.
LOGGED_VERSIONS = 200
# A version that changed more is none that anything could go on from.
MOST_LOGGED = 200

_TABLES = """
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, seq INTEGER NOT NULL,
  terms INTEGER NOT NULL, planned INTEGER NOT NULL, banks INTEGER NOT NULL
);
CREATE TABLE banks (
  slug TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, answers INTEGER NOT NULL,
  version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (number INTEGER PRIMARY KEY);
CREATE TABLE terms (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE changes (
  bank INTEGER NOT NULL, version INTEGER NOT NULL, question INTEGER NOT NULL,
  PRIMARY KEY (bank, version, question)
) WITHOUT ROWID
"""


class State(NamedTuple):
    """What the index holds: its mark, and the config version up to which changes are known."""

    mark: Mark
    planned: int


class IndexedBank(NamedTuple):
    """A bank of the index; `version` grows with each change of its questions."""

    slug: str
    number: int
    answers: bool
    version: int

    @property
    def table(self) -> str:
        """The name of its FTS5 table."""
        return f"bank_{self.number:d}"

    @property
    def words(self) -> str:
        """The name of the table that lists its words."""
        return f"words_{self.number:d}"


def make_tables(connection: sqlite3.Connection, epoch: str) -> None:
    """Make the tables of an empty index of a history."""
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES (1, ?, 0, -1, -1, 0)", (epoch,))


def read_state(connection: sqlite3.Connection) -> State:
    """Return how far the index has come."""
    row = connection.execute("SELECT epoch, seq, terms, planned FROM meta").fetchone()
    if row is None:
        message = "no such table row: meta is empty"
        raise sqlite3.DatabaseError(message)
    return State(Mark(*row[:3]), row[3])


def write_state(connection: sqlite3.Connection, state: State) -> None:
    """Store how far the index has come."""
    mark = state.mark
    connection.execute(
        "UPDATE meta SET epoch = ?, seq = ?, terms = ?, planned = ?", (*mark, state.planned)
    )


def read_banks(connection: sqlite3.Connection) -> dict[str, IndexedBank]:
    """Return the banks of the index by slug."""
    rows = connection.execute("SELECT slug, number, answers, version FROM banks ORDER BY slug")
    return {row[0]: IndexedBank(row[0], row[1], bool(row[2]), row[3]) for row in rows}


def add_bank(connection: sqlite3.Connection, slug: str, *, answers: bool) -> IndexedBank:
    """Give a bank an empty table."""
    # Numbers of banks that are gone are not given again: something may be remembered by them.
    numbered = connection.execute("UPDATE meta SET banks = banks + 1 RETURNING banks").fetchall()
    bank = IndexedBank(slug, numbered[0][0], answers, 0)
    connection.execute("INSERT INTO banks VALUES (?, ?, ?, 0)", (slug, bank.number, answers))
    connection.execute(
        f"CREATE VIRTUAL TABLE {bank.table} USING fts5({', '.join(FIELDS)}, revision UNINDEXED,"
        f" plain UNINDEXED, tokenize=\"ascii tokenchars '{SIGNS}'\", prefix='1 2 3')"
    )
    connection.execute(f"CREATE VIRTUAL TABLE {bank.words} USING fts5vocab({bank.table}, col)")
    return bank


def drop_bank(connection: sqlite3.Connection, bank: IndexedBank) -> None:
    """Take a bank out of the index with all of its words."""
    connection.execute(f"DROP TABLE {bank.words}")
    connection.execute(f"DROP TABLE {bank.table}")
    connection.execute("DELETE FROM banks WHERE slug = ?", (bank.slug,))
    connection.execute("DELETE FROM changes WHERE bank = ?", (bank.number,))


def set_answers(connection: sqlite3.Connection, slug: str, *, answers: bool) -> None:
    """Note whether the answers of a bank are to be indexed."""
    connection.execute("UPDATE banks SET answers = ? WHERE slug = ?", (answers, slug))


def put(
    connection: sqlite3.Connection,
    bank: IndexedBank,
    documents: Sequence[SearchDocument],
    gone: Sequence[int],
) -> None:
    """Index documents of a bank as they are now, and forget the questions `gone`."""
    # Without a row of that number this costs a look-up only.
    remove = f"DELETE FROM {bank.table} WHERE rowid = ?"  # noqa: S608 - a number is all that varies
    numbers = [*gone, *(document.number for document in documents)]
    connection.executemany(remove, [(number,) for number in numbers])
    connection.executemany(
        f"INSERT INTO {bank.table} (rowid, {', '.join(FIELDS)}, revision, plain)"  # noqa: S608
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        map(_values, documents),
    )
    _log(connection, bank, numbers)


def changed_since(
    connection: sqlite3.Connection, bank: IndexedBank, version: int
) -> list[int] | None:
    """Return which questions changed behind a version; None where that is not known any more."""
    rows = connection.execute(
        "SELECT version, question FROM changes WHERE bank = ? AND version > ?",
        (bank.number, version),
    ).fetchall()
    if len({row[0] for row in rows}) != bank.version - version:
        return None
    return sorted({row[1] for row in rows})


def tidy(connection: sqlite3.Connection, bank: IndexedBank, *, wholly: bool) -> None:
    """Put the parts of a bank's index together, some of them or all."""
    table = bank.table
    if wholly:
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
    else:
        statement = f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)"  # noqa: S608
        connection.execute(statement, (MERGE_PAGES,))


def held(connection: sqlite3.Connection, bank: IndexedBank) -> Iterator[tuple[int, int]]:
    """Yield number and revision of each question in a bank's table."""
    yield from connection.execute(
        f"SELECT rowid, revision FROM {bank.table} ORDER BY rowid"  # noqa: S608
    )


def postpone(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Have questions indexed anew although they did not change."""
    connection.executemany(
        "INSERT OR IGNORE INTO pending VALUES (?)", [(number,) for number in numbers]
    )


def postponed(connection: sqlite3.Connection, most: int) -> list[int]:
    """Return some of the questions that are to be indexed anew."""
    rows = connection.execute("SELECT number FROM pending ORDER BY number LIMIT ?", (most,))
    return [number for (number,) in rows]


def settle(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Note that postponed questions were indexed."""
    connection.executemany(
        "DELETE FROM pending WHERE number = ?", [(number,) for number in numbers]
    )


def read_terms(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what terms added to documents when these were indexed."""
    return dict(connection.execute("SELECT name, text FROM terms"))


def write_terms(
    connection: sqlite3.Connection, before: dict[str, str], after: dict[str, str]
) -> None:
    """Replace what terms add to documents."""
    gone = [(name,) for name in before.keys() - after.keys()]
    connection.executemany("DELETE FROM terms WHERE name = ?", gone)
    fresh = [(name, text) for name, text in after.items() if before.get(name) != text]
    connection.executemany("INSERT OR REPLACE INTO terms VALUES (?, ?)", fresh)


def _log(connection: sqlite3.Connection, bank: IndexedBank, numbers: Sequence[int]) -> None:
    """Give a bank its next version, which changed these questions."""
    moved = "UPDATE banks SET version = version + 1 WHERE slug = ? RETURNING version"
    version = connection.execute(moved, (bank.slug,)).fetchall()[0][0]
    forgotten = version - LOGGED_VERSIONS if len(numbers) <= MOST_LOGGED else version
    connection.execute(
        "DELETE FROM changes WHERE bank = ? AND version <= ?", (bank.number, forgotten)
    )
    if len(numbers) <= MOST_LOGGED:
        changes = [(bank.number, version, number) for number in numbers]
        connection.executemany("INSERT OR IGNORE INTO changes VALUES (?, ?, ?)", changes)


def _values(document: SearchDocument) -> tuple[object, ...]:
    texts = (document.stem, document.options, document.terms, document.hints, document.answer)
    return (document.number, *map(indexed_text, texts), document.revision, document.stem)
