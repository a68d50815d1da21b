"""Loading columns gives the same index as loading row by row."""

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.catalog.index.index import Index
from app.catalog.index.row_batch import RowBatch
from app.core import time_and_random
from app.core.db.database import Database
from app.published import feed_reader
from app.published.feed_columns import PublishedColumns, columns_of
from app.published.publishing import publish, withdraw
from tests.support.hypothesis_profiles import scaled
from tests.support.publications import make_bank, make_publication


def _index(chunks: Iterable[PublishedColumns]) -> Index:
    index = Index()
    for columns in chunks:
        index.apply(RowBatch(columns))
    index.finish_load()
    return index


def _state(index: Index) -> object:
    numbers = range(1, index.largest_number + 1)
    facets = {
        name: {value: list(bitmap) for value, bitmap in bitmaps.items() if bitmap}
        for name, bitmaps in index.facets.items()
    }
    return facets, [(index.entry(number), index.seq(number)) for number in numbers]


@given(
    kinds=st.lists(st.sampled_from(["open", "numeric"]), min_size=1, max_size=12),
    constant=st.booleans(),
    withdrawn=st.sets(st.integers(0, 11)) | st.just(set(range(12))),
)
@scaled(0.4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_and_rows_give_the_same_index(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    kinds: list[str],
    constant: bool,
    withdrawn: set[int],
) -> None:
    monkeypatch.setattr(feed_reader, "FETCH_ROWS", 4)
    bank = f"bank-{time_and_random.uuid7().hex[-12:]}"
    make_bank(database, bank)
    entries = [make_publication(bank=bank, kind=kinds[0] if constant else kind) for kind in kinds]
    with database.write() as session:
        publish(session, entries)
        withdraw(session, [entry.id for at, entry in enumerate(entries) if at in withdrawn])
    with database.read() as session:
        by_columns = _index(feed_reader.all_columns(session))
        rows, _ = feed_reader.changed_rows(session, 0)
    assert _state(by_columns) == _state(_index([columns_of([row]) for row in rows]))
