"""The poller reads every commit, and reconnects after its connection was closed."""

from app.core.db.clock_poller import BUSY_TIMEOUT_MS, ClockPoller
from app.core.db.database import Database
from app.core.db.edition_clock import bump_config, read_mark


def test_it_reads_what_was_committed(database: Database) -> None:
    poller = ClockPoller(database)
    for _ in range(3):
        with database.write() as session:
            bump_config(session)
        with database.read() as session:
            assert poller.read() == read_mark(session)
    poller.close()


def test_it_keeps_no_transaction_open(database: Database) -> None:
    poller = ClockPoller(database)
    before = poller.read()
    with database.write() as session:
        bump_config(session)
        assert poller.read() == before
    assert poller.read().config_version == before.config_version + 1
    poller.close()


def test_it_reconnects_after_the_database_was_closed(database: Database) -> None:
    poller = ClockPoller(database)
    before = poller.read()
    database.close()
    with database.write() as session:
        bump_config(session)
    assert poller.read().config_version == before.config_version + 1
    poller.close()


def test_on_sqlite_it_reads_without_a_thread(database: Database) -> None:
    poller = ClockPoller(database)
    assert poller.read_if_free() is None
    before = poller.read()
    with database.write() as session:
        bump_config(session)
    seen = poller.read_if_free()
    if database.dialect == "sqlite":
        assert seen is not None
        assert seen.config_version == before.config_version + 1
    else:
        assert seen is None
    assert poller.read().config_version == before.config_version + 1
    poller.close()


def test_only_read_waits_for_locks(database: Database) -> None:
    poller = ClockPoller(database)
    poller.read()
    if database.dialect == "sqlite":
        for read, timeout in (
            (poller.read_if_free, 0),
            (poller.read, BUSY_TIMEOUT_MS),
            (poller.read_if_free, 0),
        ):
            read()
            assert poller._connection.execute("PRAGMA busy_timeout").fetchone() == (timeout,)
    poller.close()
    assert poller.read_if_free() is None
