"""An invalid row of the change feed is dropped and logged; other rows are applied."""

import logging

import pytest

from app.core.db.edition_clock import Mark
from tests.catalog.support import CatalogWorker, make_question
from tests.support.publications import change_row, make_row

VALID = make_row(id=bytes(15) + b"1", kind="open")
INVALID = [
    {"kind": "hologram"},
    {"difficulty": "impossible"},
    {"revision": 0},
    {"revision": "two"},
    {"tags": None},
    {"updated_at": "today"},
    {"bank": None},
    {"id": b""},
    {"number": 10**12},
    {"number": "x"},
    {"seq": 0},
]


@pytest.mark.parametrize("wrong", INVALID)
@pytest.mark.parametrize("loading", [True, False])
def test_an_invalid_row_is_dropped_and_logged(
    worker: CatalogWorker, caplog: pytest.LogCaptureFixture, wrong: dict[str, object], loading: bool
) -> None:
    if "postgresql" in str(worker.database.engine.url):
        pytest.skip("needs no database")
    catalog = worker.catalog
    mark = Mark("0" * 16, 9, 1)
    catalog.reset(mark.epoch)
    if not loading:
        catalog.apply((), mark)
        catalog.apply([VALID._replace(seq=1)], mark)
    rows = [
        VALID._replace(number=2, id=bytes(15) + b"2", seq=2),
        change_row(VALID, **({"seq": 3} | wrong)),
        VALID._replace(number=3, id=bytes(15) + b"3", seq=4),
    ]
    with caplog.at_level(logging.ERROR):
        catalog.apply(rows, mark)
        catalog.apply((), mark)
    assert catalog.dropped_rows == 1
    assert "was dropped" in caplog.text
    lost_identity = {"number", "bank", "id", "seq"} & wrong.keys()
    assert catalog.size == (3 if lost_identity and not loading else 2)
    # A later valid row of the same question is applied.
    catalog.apply([VALID._replace(seq=5, revision=2)], mark._replace(seq=5))
    assert catalog.size == 3
    assert catalog.entry(1).revision == 2


def test_rows_after_an_invalid_row_are_applied(worker: CatalogWorker) -> None:
    first, second = make_question(), make_question()
    worker.publish(first, second)
    worker.follow()
    mark = worker.read("/v1/changes")["mark"]
    worker.execute(
        "UPDATE published SET kind = 'hologram', seq = 3 WHERE number = :number", number=1
    )
    worker.execute("UPDATE clock SET seq = 3")
    third = make_question()
    worker.publish(third)
    worker.follow()
    assert worker.catalog.dropped_rows == 1
    page = worker.read(f"/v1/changes?after={mark}")
    assert page["deleted"] == [str(first.id)]
    assert [item["id"] for item in page["items"]] == [str(third.id)]
    other = CatalogWorker(worker.settings)
    other.follow()
    assert other.read("/v1/questions") == worker.read("/v1/questions")
    other.close()


def test_an_invalid_id_drops_one_row_only(worker: CatalogWorker) -> None:
    if worker.database.dialect != "sqlite":
        pytest.skip("a column of PostgreSQL has only values of its type")
    worker.publish(make_question(), make_question())
    worker.execute("UPDATE published SET id = 'not an id' WHERE number = 1")
    worker.follow()
    assert worker.catalog.size == 1


@pytest.mark.parametrize("wrong", ["x'00ff'", "9e999", "char(34, 0, 92)"])
def test_a_value_that_only_sqlite_can_store_drops_one_row_only(
    worker: CatalogWorker, wrong: str
) -> None:
    if worker.database.dialect != "sqlite":
        pytest.skip("a column of PostgreSQL has only values of its type")
    worker.publish(make_question(), make_question())
    worker.execute(f"UPDATE published SET kind = {wrong} WHERE number = 1")
    worker.follow()
    assert worker.catalog.dropped_rows == 1
    assert worker.catalog.size == 1
