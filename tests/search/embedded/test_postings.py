"""Cached posting lists equal what FTS5 returns, whatever changed since they were read."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from app.search.embedded import postings as postings_module
from app.search.embedded.fts_expressions import phrase_expression
from app.search.embedded.index_rows import numbers_matching
from app.search.embedded.postings import MAX_OVERLAY_QUESTIONS, PostingCache
from app.search.embedded.tables import (
    MAX_LOGGED_QUESTIONS,
    IndexedBank,
    add_bank,
    create_tables,
    drop_bank,
    read_banks,
    replace_documents,
)
from app.search.text.documents import SearchDocument
from app.search.text.token_phrase import FieldScope, TokenPhrase
from tests.support.hypothesis_profiles import scaled

TOKENS = ["a", "ab", "abc", "b", "ba", "c++"]
TEXTS = st.lists(st.sampled_from([*TOKENS, "O(b_a)"]), max_size=4).map(" ".join)
PHRASES = st.builds(
    TokenPhrase,
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.sampled_from(FieldScope),
)
# The fields of the questions to replace, by number, and the numbers to remove.
CHANGES = st.tuples(
    st.dictionaries(st.integers(1, 30), st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), max_size=6),
    st.sets(st.integers(1, 30), max_size=3),
)
# Numbers of added questions that an overlay can hold, or cannot.
MANY_ADDED = st.integers(1, 3).map(lambda factor: factor * MAX_OVERLAY_QUESTIONS // 2)
A = TokenPhrase(("a",), prefix=False, scope=FieldScope.PUBLIC)
AB = TokenPhrase(("ab",), prefix=False, scope=FieldScope.PUBLIC)
Change = tuple[dict[int, tuple[str, ...]], set[int]]
Job = Callable[[sqlite3.Connection], None]


@contextmanager
def index(path: Path) -> Iterator[sqlite3.Connection]:
    """Give an empty index of one bank, in WAL mode like an index file."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        create_tables(connection, "epoch")
        add_bank(connection, "one", with_answers=True)
        yield connection


def document(number: int, fields: tuple[str, ...] = ("a", "", "", "", "")) -> SearchDocument:
    stem, options, terms, hints, answer = fields
    return SearchDocument(number, str(number), "one", 1, stem, options, terms, hints, answer)


def documents(numbers: range) -> list[SearchDocument]:
    return [document(number) for number in numbers]


def bank_of(connection: sqlite3.Connection) -> IndexedBank:
    return read_banks(connection)["one"]


def write(
    connection: sqlite3.Connection, changed: list[SearchDocument], removed: tuple[int, ...] = ()
) -> None:
    replace_documents(connection, bank_of(connection), changed, removed)


def apply(connection: sqlite3.Connection, change: Change) -> None:
    fields, removed = change
    changed = [document(number, values) for number, values in fields.items()]
    write(connection, changed, tuple(sorted(removed)))


def checked_postings(
    cache: PostingCache, connection: sqlite3.Connection, phrase: TokenPhrase
) -> BitMap:
    """Return a posting list from the cache, after comparing it with what FTS5 returns."""
    bank = bank_of(connection)
    found = cache.of_bank(connection, bank).read(phrase)
    assert found == numbers_matching(connection, bank, phrase_expression(phrase))
    return found


def fail(_: Job) -> None:
    pytest.fail("no query was interrupted, so no list is read in the background")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.one_of(CHANGES, MANY_ADDED), st.lists(PHRASES, max_size=4)), max_size=8)
)
def test_cached_lists_equal_the_index_after_any_changes(
    tmp_path: Path, steps: list[tuple[Change | int, list[TokenPhrase]]]
) -> None:
    cache = PostingCache(fail)
    requested: list[TokenPhrase] = []
    with index(tmp_path / "index.db") as connection:
        for change, phrases in steps:
            if isinstance(change, int):
                write(connection, documents(range(100, 100 + change)))
            else:
                apply(connection, change)
            requested += phrases
            for phrase in requested:
                checked_postings(cache, connection, phrase)


@scaled(0.3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CHANGES, st.booleans()), min_size=2, max_size=8), PHRASES)
def test_a_search_in_an_older_snapshot_finds_what_that_snapshot_contains(
    tmp_path: Path,
    steps: list[tuple[Change, bool]],
    phrase: TokenPhrase,
) -> None:
    cache = PostingCache(fail)
    path = tmp_path / "index.db"
    with index(path) as connection, closing(sqlite3.connect(path, isolation_level=None)) as older:
        for change, begin in steps:
            if begin:
                if older.in_transaction:
                    older.execute("ROLLBACK")
                older.execute("BEGIN")
                checked_postings(cache, older, phrase)
            apply(connection, change)
            checked_postings(cache, connection, phrase)
            checked_postings(cache, older, phrase)


def test_a_cached_list_is_not_read_again_after_a_few_changes(tmp_path: Path) -> None:
    cache = PostingCache(fail)
    statements: list[str] = []
    with index(tmp_path / "index.db") as connection:
        write(connection, documents(range(1, 50)))
        assert checked_postings(cache, connection, AB) == BitMap()
        fields = ("ab", "", "", "", "")
        write(connection, [document(7, fields), document(60, fields)])
        bank = bank_of(connection)
        connection.set_trace_callback(statements.append)
        assert cache.of_bank(connection, bank).read(AB) == BitMap([7, 60])
        assert not [statement for statement in statements if "MATCH" in statement]


def test_a_bank_that_is_added_again_does_not_use_the_lists_of_the_dropped_one(
    tmp_path: Path,
) -> None:
    cache = PostingCache(fail)
    with index(tmp_path / "index.db") as connection:
        write(connection, documents(range(1, 3)))
        assert checked_postings(cache, connection, A) == BitMap([1, 2])
        drop_bank(connection, bank_of(connection))
        add_bank(connection, "one", with_answers=False)
        write(connection, [document(3)])
        assert checked_postings(cache, connection, A) == BitMap([3])


@pytest.mark.parametrize(("max_banks", "queries"), [(1, 3), (2, 2)])
def test_the_number_of_cached_banks_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_banks: int, queries: int
) -> None:
    monkeypatch.setattr(postings_module, "MAX_BANKS", max_banks)
    cache = PostingCache(fail)
    statements: list[str] = []
    with index(tmp_path / "index.db") as connection:
        add_bank(connection, "other", with_answers=True)
        for bank in read_banks(connection).values():
            replace_documents(connection, bank, [document(1)], ())
        banks = read_banks(connection)
        connection.set_trace_callback(statements.append)
        for slug in ("one", "other", "one"):
            assert cache.of_bank(connection, banks[slug]).read(A) == BitMap([1])
    assert sum("MATCH" in statement for statement in statements) == queries


def test_the_cache_evicts_the_oldest_lists_beyond_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings_module, "MAX_CACHE_BYTES", 1000)
    cache = PostingCache(fail)
    statements: list[str] = []
    phrases = [TokenPhrase((token,), prefix=False, scope=FieldScope.PUBLIC) for token in TOKENS]
    with index(tmp_path / "index.db") as connection:
        write(connection, documents(range(1, 3)))
        bank = bank_of(connection)
        connection.set_trace_callback(statements.append)
        for phrase in (*phrases, phrases[-1], phrases[0]):
            cache.of_bank(connection, bank).read(phrase)
    queries = [statement for statement in statements if "MATCH" in statement]
    # The last one was still cached, the first one was evicted.
    assert len(queries) == len(phrases) + 1


def test_a_list_that_takes_too_long_is_read_in_the_background(tmp_path: Path) -> None:
    jobs: list[Job] = []
    cache = PostingCache(jobs.append)
    with index(tmp_path / "index.db") as connection:
        write(connection, documents(range(1, 3000)))
        bank_postings = cache.of_bank(connection, bank_of(connection))
        connection.set_progress_handler(lambda: True, 10)
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="interrupted"):
                bank_postings.read(A)
        connection.set_progress_handler(None, 0)
        (job,) = jobs
        job(connection)
        connection.set_progress_handler(lambda: True, 10)
        assert len(bank_postings.read(A)) == 2999


def test_a_change_that_is_too_large_for_the_log_invalidates_cached_lists(tmp_path: Path) -> None:
    assert MAX_LOGGED_QUESTIONS >= MAX_OVERLAY_QUESTIONS
    cache = PostingCache(fail)
    with index(tmp_path / "index.db") as connection:
        write(connection, [document(1)])
        checked_postings(cache, connection, A)
        write(connection, documents(range(1, MAX_LOGGED_QUESTIONS + 2)))
        write(connection, [document(5, ("b", "", "", "", ""))])
        assert len(checked_postings(cache, connection, A)) == MAX_LOGGED_QUESTIONS
