"""The watch sees every commit at once, and goes on after its connection was given up."""

from app.core.clock import bump_terms, read_mark
from app.core.clockwatch import ClockWatch
from app.core.database import Database


def test_it_sees_what_was_committed(database: Database) -> None:
    watch = ClockWatch(database)
    for _ in range(3):
        with database.write() as session:
            bump_terms(session)
        with database.read() as session:
            assert watch.read() == read_mark(session)
    watch.close()


def test_it_keeps_no_transaction_open(database: Database) -> None:
    watch = ClockWatch(database)
    before = watch.read()
    with database.write() as session:
        bump_terms(session)
        assert watch.read() == before
    assert watch.read().terms == before.terms + 1
    watch.close()


def test_it_opens_anew_after_connections_were_closed(database: Database) -> None:
    watch = ClockWatch(database)
    before = watch.read()
    database.close()
    with database.write() as session:
        bump_terms(session)
    assert watch.read().terms == before.terms + 1
    watch.close()
