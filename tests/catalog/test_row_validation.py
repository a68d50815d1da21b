"""A row that this version does not understand is dropped and reported; the rest goes on."""

import logging

import pytest

from app.core.db.edition_clock import Mark
from app.published.feed_columns import PublishedRow
from tests.catalog.support import Shelf, make_question

SOUND = PublishedRow(
    number=1,
    id=bytes(15) + b"1",
    bank="science",
    seq=1,
    revision=1,
    kind="open",
    categories="",
    companies="",
    tags="",
    levels="",
    difficulty="easy",
    language="en",
    updated_at=0,
)
WRONG = [
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


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("loading", [True, False])
def test_a_row_that_is_not_understood_is_dropped_and_reported(
    shelf: Shelf, caplog: pytest.LogCaptureFixture, wrong: dict[str, object], loading: bool
) -> None:
    if "postgresql" in str(shelf.database.engine.url):
        pytest.skip("the same without a database")
    catalog = shelf.catalog
    mark = Mark("0" * 16, 9, 1)
    catalog.reset(mark.epoch)
    if not loading:
        catalog.apply((), mark)
        catalog.apply([SOUND._replace(seq=1)], mark)
    rows = [
        SOUND._replace(number=2, id=bytes(15) + b"2", seq=2),
        SOUND._replace(seq=3)._replace(**wrong),  # type: ignore[arg-type]
        SOUND._replace(number=3, id=bytes(15) + b"3", seq=4),
    ]
    with caplog.at_level(logging.ERROR):
        catalog.apply(rows, mark)
        catalog.apply((), mark)
    assert catalog.dropped_rows == 1
    assert "was dropped" in caplog.text
    lost_place = {"number", "bank", "id", "seq"} & wrong.keys()
    assert catalog.size == (3 if lost_place and not loading else 2)
    # What it is put right by is taken.
    catalog.apply([SOUND._replace(seq=5, revision=2)], mark._replace(seq=5))
    assert catalog.size == 3
    assert catalog.entry(1).revision == 2


def test_following_goes_on_behind_such_a_row_in_the_database(shelf: Shelf) -> None:
    first, second = make_question(), make_question()
    shelf.publish(first, second)
    shelf.follow()
    mark = shelf.read("/v1/changes")["mark"]
    shelf.execute(
        "UPDATE published SET kind = 'hologram', seq = 3 WHERE number = :number", number=1
    )
    shelf.execute("UPDATE clock SET seq = 3")
    third = make_question()
    shelf.publish(third)
    shelf.follow()
    assert shelf.catalog.dropped_rows == 1
    page = shelf.read(f"/v1/changes?after={mark}")
    assert page["deleted"] == [str(first.id)]
    assert [item["id"] for item in page["items"]] == [str(third.id)]
    other = Shelf(shelf.settings)
    other.follow()
    assert other.read("/v1/questions") == shelf.read("/v1/questions")
    other.close()


def test_an_id_that_is_none_drops_one_row_only(shelf: Shelf) -> None:
    if shelf.database.dialect != "sqlite":
        pytest.skip("PostgreSQL holds nothing but ids in that column")
    shelf.publish(make_question(), make_question())
    shelf.execute("UPDATE published SET id = 'not an id' WHERE number = 1")
    shelf.follow()
    assert shelf.catalog.size == 1


@pytest.mark.parametrize("wrong", ["x'00ff'", "9e999", "char(34, 0, 92)"])
def test_what_only_sqlite_holds_drops_one_row_only(shelf: Shelf, wrong: str) -> None:
    if shelf.database.dialect != "sqlite":
        pytest.skip("PostgreSQL holds nothing but text in that column")
    shelf.publish(make_question(), make_question())
    shelf.execute(f"UPDATE published SET kind = {wrong} WHERE number = 1")
    shelf.follow()
    assert shelf.catalog.dropped_rows == 1
    assert shelf.catalog.size == 1
