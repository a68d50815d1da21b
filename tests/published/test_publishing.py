"""Publishing numbers changes in the order of commits, with concurrent writers too."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.settings import Settings
from app.published.publishing import Publication, publish, withdraw
from tests.support.publications import make_bank, make_publication


def _rows(database: Database) -> list[tuple[int, int, int | None]]:
    with database.read() as session:
        statement = text("SELECT number, seq, revision FROM published ORDER BY seq")
        return [tuple(row) for row in session.connection().execute(statement)]


def test_first_publications_get_ascending_numbers_and_seqs(
    database: Database,
) -> None:
    make_bank(database)
    with database.write() as session:
        assert publish(session, [make_publication() for _ in range(3)]) == [1, 2, 3]
    assert _rows(database) == [(1, 1, 1), (2, 2, 1), (3, 3, 1)]
    with database.read() as session:
        assert read_mark(session).seq == 3


def test_a_second_revision_keeps_the_number_and_gets_the_last_seq(database: Database) -> None:
    make_bank(database)
    first = make_publication()
    with database.write() as session:
        publish(session, [first, make_publication()])
    again = make_publication(id=first.id, number=1, revision=2)
    with database.write() as session:
        assert publish(session, [again]) == [1]
    assert _rows(database) == [(2, 2, 1), (1, 3, 2)]


def test_withdrawing_twice_leaves_one_tombstone(database: Database) -> None:
    make_bank(database)
    publication = make_publication()
    with database.write() as session:
        publish(session, [publication])
    for _ in range(2):
        with database.write() as session:
            withdraw(session, [publication.id])
    assert _rows(database) == [(1, 2, None)]


def test_a_failed_transaction_uses_up_no_number_and_no_seq(database: Database) -> None:
    make_bank(database)

    def fail() -> None:
        with database.write() as session:
            publish(session, [make_publication()])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.write() as session:
        assert publish(session, [make_publication()]) == [1]
    assert _rows(database) == [(1, 1, 1)]


def test_seq_follows_the_order_of_commits_under_concurrent_writers(
    fresh_settings: Callable[..., Settings],
) -> None:
    """A reader that remembers the highest seq it saw misses nothing that commits later."""
    database = Database(fresh_settings())
    make_bank(database)
    seen: list[int] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def write(rounds: int) -> None:
        try:
            for _ in range(rounds):
                with database.write() as session:
                    publications: list[Publication] = [make_publication() for _ in range(3)]
                    publish(session, publications)
                ids: list[UUID] = [publications[0].id]
                with database.write() as session:
                    withdraw(session, ids)
        except BaseException as error:  # noqa: BLE001 - asserted in the main thread
            failures.append(error)

    def read() -> None:
        mark = 0
        while not done.is_set() or mark < 8 * 15 * 4:
            with database.read() as session:
                statement = text("SELECT seq FROM published WHERE seq > :mark ORDER BY seq")
                for (seq,) in session.connection().execute(statement, {"mark": mark}):
                    seen.append(seq)
                    mark = seq
            if failures:
                return

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(15,)) for _ in range(8)]
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not failures
    with database.read() as session:
        statement = text("SELECT seq FROM published")
        final = {seq for (seq,) in session.connection().execute(statement)}
    database.close()
    assert final <= set(seen)
    assert seen == sorted(seen)


def test_ids_ascend_by_time() -> None:
    ids = [time_and_random.uuid7() for _ in range(100)]
    assert [value.int >> 80 for value in ids] == sorted(value.int >> 80 for value in ids)
    assert {value.version for value in ids} == {7}
    assert len(set(ids)) == 100
