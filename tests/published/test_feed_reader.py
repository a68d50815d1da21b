"""A full load gives every row as it stands, whatever rows have in common."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.db.database import Database
from app.published import feed_reader
from app.published.feed_columns import PublishedRow, Repeated, columns_of
from app.published.publishing import Publication, put, withdraw
from tests.support.hypothesis_profiles import scaled
from tests.support.publications import make_bank, make_publication

# Small parts, so that a few rows make several of them.
PART = 4
CLEAR = ("published", "answers", "documents")


@pytest.fixture
def bank(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(feed_reader, "FETCH_ROWS", PART)
    for slug in ("one", "two"):
        make_bank(database, slug)
    return database


entries = st.builds(
    make_publication,
    bank=st.sampled_from(["one", "two"]),
    kind=st.sampled_from(["open", "numeric"]),
    revision=st.sampled_from([1, 2]),
    language=st.sampled_from(["en", "de"]),
    tags=st.sampled_from([(), ("a",), ("a", "b")]),
)


@given(
    published=st.lists(entries, max_size=14),
    alike=st.booleans(),
    withdrawn=st.sets(st.integers(0, 13)),
    gone=st.sets(st.integers(1, 14)),
)
@scaled(0.75, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_full_load_gives_every_row(
    bank: Database,
    published: Sequence[Publication],
    alike: bool,
    withdrawn: set[int],
    gone: set[int],
) -> None:
    if alike:
        published = [
            entry._replace(bank="one", kind="open", revision=1, language="en")
            for entry in published
        ]
    with bank.write() as session:
        for table in CLEAR:
            session.connection().execute(text(f"DELETE FROM {table}"))
        session.connection().execute(text("UPDATE clock SET next_number = 1"))
        put(session, published)
        withdraw(session, [entry.id for at, entry in enumerate(published) if at in withdrawn])
        for number in gone:
            session.connection().execute(
                text("DELETE FROM published WHERE number = :number"), {"number": number}
            )
    with bank.read() as session:
        found = [row for columns in feed_reader.all_columns(session) for row in columns.rows()]
        rows, is_all = feed_reader.changed_rows(session, 0)
    assert is_all
    assert sorted(found) == sorted(rows)
    assert len(found) == sum(1 for at in range(len(published)) if at + 1 not in gone)


def test_what_all_rows_say_is_said_once(bank: Database) -> None:
    if bank.dialect == "postgresql":
        pytest.skip("PostgreSQL sends rows")
    with bank.write() as session:
        put(session, [make_publication(bank="one", difficulty="easy") for _ in range(PART)])
    with bank.read() as session:
        first, second = feed_reader.all_columns(session)
    assert first.number == range(1, PART)
    assert [len(first.bank), len(second.bank)] == [PART - 1, 1]
    for columns in (first, second):
        assert isinstance(columns.bank, Repeated)
        assert isinstance(columns.revision, Repeated)
        assert not isinstance(columns.difficulty, Repeated)


def test_a_repeated_value_is_a_sequence() -> None:
    value = Repeated("a", 3)
    assert list(value) == ["a"] * 3
    assert (value[0], value[-1], len(value[1:])) == ("a", "a", 2)
    assert "a" in value
    assert "b" not in value
    assert "a" not in value[3:]
    with pytest.raises(IndexError):
        value[3]
    row = PublishedRow(1, b"", "a", 1, 1, "open", "", "", "", "", "easy", "en", 0)
    columns = columns_of([row] * 3)._replace(bank=value)
    assert columns.rows() == [row] * 3
