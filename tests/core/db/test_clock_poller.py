"""The watch sees every commit at once, and goes on after its connection was given up."""

from app.core.db.clock_poller import BUSY_TIMEOUT_MS, ClockPoller
from app.core.db.database import Database
from app.core.db.edition_clock import bump_config, read_mark


def test_it_sees_what_was_committed(database: Database) -> None:
    watch = ClockPoller(database)
    for _ in range(3):
        with database.write() as session:
            bump_config(session)
        with database.read() as session:
            assert watch.read() == read_mark(session)
    watch.close()


def test_it_keeps_no_transaction_open(database: Database) -> None:
    watch = ClockPoller(database)
    before = watch.read()
    with database.write() as session:
        bump_config(session)
        assert watch.read() == before
    assert watch.read().config_version == before.config_version + 1
    watch.close()


def test_it_opens_anew_after_connections_were_closed(database: Database) -> None:
    watch = ClockPoller(database)
    before = watch.read()
    database.close()
    with database.write() as session:
        bump_config(session)
    assert watch.read().config_version == before.config_version + 1
    watch.close()


def test_a_glance_sees_what_was_committed_where_it_costs_nothing(database: Database) -> None:
    watch = ClockPoller(database)
    assert watch.read_if_free() is None
    before = watch.read()
    with database.write() as session:
        bump_config(session)
    seen = watch.read_if_free()
    if database.dialect == "sqlite":
        assert seen is not None
        assert seen.config_version == before.config_version + 1
    else:
        assert seen is None
    assert watch.read().config_version == before.config_version + 1
    watch.close()


def test_a_glance_has_no_patience_with_locks_but_a_look_has(database: Database) -> None:
    watch = ClockPoller(database)
    watch.read()
    if database.dialect == "sqlite":
        for look, patience in (
            (watch.read_if_free, 0),
            (watch.read, BUSY_TIMEOUT_MS),
            (watch.read_if_free, 0),
        ):
            look()
            assert watch._connection.execute("PRAGMA busy_timeout").fetchone() == (patience,)
    watch.close()
    assert watch.read_if_free() is None
