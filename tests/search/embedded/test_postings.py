"""What is kept of an index says what the index says, whatever changed since it was read."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from app.search.embedded import postings as postings_module
from app.search.embedded.fts_expressions import spelt
from app.search.embedded.index_rows import numbers_matching
from app.search.embedded.postings import MOST_CHANGED, Postings
from app.search.embedded.tables import (
    MOST_LOGGED,
    IndexedBank,
    add_bank,
    drop_bank,
    make_tables,
    put,
    read_banks,
)
from app.search.text.documents import SearchDocument
from app.search.text.spelling import Scope, Spelling
from tests.support.hypothesis_profiles import scaled

WORDS = ["a", "ab", "abc", "b", "ba", "c++"]
TEXT = st.lists(st.sampled_from([*WORDS, "O(b_a)"]), max_size=4).map(" ".join)
SPELLINGS = st.builds(
    Spelling,
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.sampled_from(Scope),
)
PUT = st.tuples(
    st.dictionaries(st.integers(1, 30), st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT), max_size=6),
    st.sets(st.integers(1, 30), max_size=3),
)
MANY = st.integers(1, 3).map(lambda times: times * MOST_CHANGED // 2)
Change = tuple[dict[int, tuple[str, ...]], set[int]]
Job = Callable[[sqlite3.Connection], None]


@contextmanager
def index(path: Path) -> Iterator[sqlite3.Connection]:
    """Give an empty index of one bank, made in WAL mode as the store makes it."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        make_tables(connection, "epoch")
        add_bank(connection, "one", answers=True)
        yield connection


def document(number: int, texts: tuple[str, ...] = ("a", "", "", "", "")) -> SearchDocument:
    stem, options, terms, hints, answer = texts
    return SearchDocument(number, str(number), "one", 1, stem, options, terms, hints, answer)


def bank_of(connection: sqlite3.Connection) -> IndexedBank:
    return read_banks(connection)["one"]


def do(connection: sqlite3.Connection, change: Change) -> None:
    texts, gone = change
    documents = [document(number, said) for number, said in texts.items()]
    put(connection, bank_of(connection), documents, sorted(gone))


def kept(postings: Postings, connection: sqlite3.Connection, spelling: Spelling) -> BitMap:
    """Return what is kept, after it was held against the index itself."""
    bank = bank_of(connection)
    found = postings.of(connection, bank).of(spelling)
    assert found == numbers_matching(connection, bank, spelt(spelling))
    return found


def refuse(_: Job) -> None:
    pytest.fail("nothing was interrupted")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.one_of(PUT, MANY), st.lists(SPELLINGS, max_size=4)), max_size=8))
def test_what_is_kept_is_what_the_index_holds(
    tmp_path: Path, steps: list[tuple[Change | int, list[Spelling]]]
) -> None:
    postings = Postings(refuse)
    asked: list[Spelling] = []
    with index(tmp_path / "index.db") as connection:
        for change, spellings in steps:
            if isinstance(change, int):
                do(connection, (dict.fromkeys(range(100, 100 + change), ("a", *[""] * 4)), set()))
            else:
                do(connection, change)
            asked += spellings
            for spelling in asked:
                kept(postings, connection, spelling)


@scaled(0.3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PUT, st.booleans()), min_size=2, max_size=8), SPELLINGS)
def test_a_search_that_began_before_finds_what_was_there_then(
    tmp_path: Path,
    steps: list[tuple[Change, bool]],
    spelling: Spelling,
) -> None:
    postings = Postings(refuse)
    path = tmp_path / "index.db"
    with index(path) as connection, closing(sqlite3.connect(path, isolation_level=None)) as older:
        for change, begin in steps:
            if begin:
                if older.in_transaction:
                    older.execute("ROLLBACK")
                older.execute("BEGIN")
                kept(postings, older, spelling)
            do(connection, change)
            kept(postings, connection, spelling)
            kept(postings, older, spelling)


def test_what_was_read_is_not_read_again_after_a_few_changes(tmp_path: Path) -> None:
    postings = Postings(refuse)
    spelling = Spelling(("ab",), prefix=False, scope=Scope.PUBLIC)
    statements: list[str] = []
    with index(tmp_path / "index.db") as connection:
        put(connection, bank_of(connection), [document(number) for number in range(1, 50)], ())
        assert kept(postings, connection, spelling) == BitMap()
        texts = ("ab", "", "", "", "")
        put(connection, bank_of(connection), [document(7, texts), document(60, texts)], ())
        bank = bank_of(connection)
        connection.set_trace_callback(statements.append)
        assert postings.of(connection, bank).of(spelling) == BitMap([7, 60])
        assert not [statement for statement in statements if "MATCH" in statement]


def test_a_bank_that_comes_back_is_another_one(tmp_path: Path) -> None:
    postings = Postings(refuse)
    spelling = Spelling(("a",), prefix=False, scope=Scope.PUBLIC)
    with index(tmp_path / "index.db") as connection:
        put(connection, bank_of(connection), [document(1), document(2)], ())
        assert kept(postings, connection, spelling) == BitMap([1, 2])
        drop_bank(connection, bank_of(connection))
        add_bank(connection, "one", answers=False)
        put(connection, bank_of(connection), [document(3)], ())
        assert kept(postings, connection, spelling) == BitMap([3])


@pytest.mark.parametrize(("most", "reads"), [(1, 3), (2, 2)])
def test_of_so_many_banks_something_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, reads: int
) -> None:
    monkeypatch.setattr(postings_module, "MOST_BANKS", most)
    postings = Postings(refuse)
    spelling = Spelling(("a",), prefix=False, scope=Scope.PUBLIC)
    statements: list[str] = []
    with index(tmp_path / "index.db") as connection:
        add_bank(connection, "other", answers=True)
        for bank in read_banks(connection).values():
            put(connection, bank, [document(1)], ())
        banks = read_banks(connection)
        connection.set_trace_callback(statements.append)
        for slug in ("one", "other", "one"):
            assert postings.of(connection, banks[slug]).of(spelling) == BitMap([1])
    assert sum("MATCH" in statement for statement in statements) == reads


def test_only_so_much_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings_module, "KEPT_BYTES", 1000)
    postings = Postings(refuse)
    statements: list[str] = []
    spellings = [Spelling((word,), prefix=False, scope=Scope.PUBLIC) for word in WORDS]
    with index(tmp_path / "index.db") as connection:
        put(connection, bank_of(connection), [document(1), document(2)], ())
        bank = bank_of(connection)
        connection.set_trace_callback(statements.append)
        for spelling in (*spellings, spellings[-1], spellings[0]):
            postings.of(connection, bank).of(spelling)
    read = [statement for statement in statements if "MATCH" in statement]
    # The last was still known, the first was not.
    assert len(read) == len(spellings) + 1


def test_what_takes_too_long_is_read_at_leisure(tmp_path: Path) -> None:
    jobs: list[Job] = []
    postings = Postings(jobs.append)
    spelling = Spelling(("a",), prefix=False, scope=Scope.PUBLIC)
    with index(tmp_path / "index.db") as connection:
        put(connection, bank_of(connection), [document(number) for number in range(1, 3000)], ())
        bank = bank_of(connection)
        view = postings.of(connection, bank)
        connection.set_progress_handler(lambda: True, 10)
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="interrupted"):
                view.of(spelling)
        connection.set_progress_handler(None, 0)
        (job,) = jobs
        job(connection)
        connection.set_progress_handler(lambda: True, 10)
        assert len(view.of(spelling)) == 2999


def test_more_changes_than_are_logged_are_not_gone_on_from(tmp_path: Path) -> None:
    assert MOST_LOGGED >= MOST_CHANGED
    spelling = Spelling(("a",), prefix=False, scope=Scope.PUBLIC)
    postings = Postings(refuse)
    with index(tmp_path / "index.db") as connection:
        put(connection, bank_of(connection), [document(1)], ())
        kept(postings, connection, spelling)
        many = [document(number) for number in range(1, MOST_LOGGED + 2)]
        put(connection, bank_of(connection), many, ())
        put(connection, bank_of(connection), [document(5, ("b", "", "", "", ""))], ())
        assert len(kept(postings, connection, spelling)) == MOST_LOGGED
