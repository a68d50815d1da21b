"""A full load returns every row, whichever values the rows have in common."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.db.database import Database
from app.published import feed_reader
from app.published.feed_columns import FACET_COLUMNS, Repeated, columns_of
from app.published.publishing import Publication, publish, withdraw
from tests.support.hypothesis_profiles import scaled
from tests.support.publications import make_bank, make_publication, make_row

# Small chunks, so that a few rows make several of them.
CHUNK_ROWS = 4
CLEAR = ("published", "answers", "documents")


@pytest.fixture
def bank(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(feed_reader, "FETCH_ROWS", CHUNK_ROWS)
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


def _with_texts(facets: tuple[str, ...], **texts: str) -> tuple[str, ...]:
    return tuple((dict(zip(FACET_COLUMNS, facets, strict=True)) | texts).values())


@given(
    published=st.lists(entries, max_size=14),
    constant=st.booleans(),
    withdrawn=st.sets(st.integers(0, 13)),
    deleted=st.sets(st.integers(1, 14)),
)
@scaled(0.75, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_full_load_returns_every_row(
    bank: Database,
    published: Sequence[Publication],
    constant: bool,
    withdrawn: set[int],
    deleted: set[int],
) -> None:
    if constant:
        published = [
            entry._replace(
                bank="one", revision=1, facets=_with_texts(entry.facets, kind="open", language="en")
            )
            for entry in published
        ]
    with bank.write() as session:
        for table in CLEAR:
            session.connection().execute(text(f"DELETE FROM {table}"))
        session.connection().execute(text("UPDATE clock SET next_number = 1"))
        publish(session, published)
        withdraw(session, [entry.id for at, entry in enumerate(published) if at in withdrawn])
        for number in deleted:
            session.connection().execute(
                text("DELETE FROM published WHERE number = :number"), {"number": number}
            )
    with bank.read() as session:
        found = [row for columns in feed_reader.all_columns(session) for row in columns.rows()]
        rows, is_all = feed_reader.changed_rows(session, 0)
    assert is_all
    assert sorted(found) == sorted(rows)
    assert len(found) == sum(1 for at in range(len(published)) if at + 1 not in deleted)


def test_a_value_that_all_rows_have_is_stored_once(bank: Database) -> None:
    if bank.dialect == "postgresql":
        pytest.skip("PostgreSQL sends rows")
    with bank.write() as session:
        publish(
            session, [make_publication(bank="one", difficulty="easy") for _ in range(CHUNK_ROWS)]
        )
    with bank.read() as session:
        first, second = feed_reader.all_columns(session)
    assert first.number == range(1, CHUNK_ROWS)
    assert [len(first.bank), len(second.bank)] == [CHUNK_ROWS - 1, 1]
    for columns in (first, second):
        assert isinstance(columns.bank, Repeated)
        assert isinstance(columns.revision, Repeated)
        assert not isinstance(columns.texts("difficulty"), Repeated)


def test_a_repeated_value_is_a_sequence() -> None:
    value = Repeated("a", 3)
    assert list(value) == ["a"] * 3
    assert (value[0], value[-1], len(value[1:])) == ("a", "a", 2)
    assert "a" in value
    assert "b" not in value
    assert "a" not in value[3:]
    with pytest.raises(IndexError):
        value[3]
    row = make_row(bank="a")
    columns = columns_of([row] * 3)._replace(bank=value)
    assert columns.rows() == [row] * 3
