"""Sessions for reading and for writing: each is one transaction, durable once committed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import BigInteger, Dialect, Engine, LargeBinary, Text, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

from app.core import time_and_random
from app.core.db.write_lock import WriteLock
from app.core.settings import Settings

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION

# The key in a session's `info` of what `before_commit` was given.
_BEFORE_COMMIT = "before_commit"

PAGE_BYTES = 4096
# Pages in the write-ahead log before a checkpoint: a page that changes with each step of an import
# is written to the database file once, not each time.
CHECKPOINT_PAGES = 4000


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole milliseconds since 1970 on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the milliseconds; ValueError for a time without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a time without a time zone cannot be stored"
            raise ValueError(message)
        return round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time."""
        if value is None:
            return None
        return time_and_random.from_milliseconds(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value, stored as compact text on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002, ANN401
        """Return the JSON text; an orjson.Fragment is JSON text already."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002, ANN401
        """Return the parsed value."""
        return None if value is None else orjson.loads(value)


class Bytes(LargeBinary):
    """Bytes."""

    cache_ok = True


class Database:
    """One database. `read()` and `write()` give sessions, each of which is one transaction."""

    def __init__(self, settings: Settings) -> None:
        """Prepare connections; they are opened when first needed."""
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if settings.embedded else "postgresql"
        )
        self._on_commit: list[Callable[[], None]] = []
        self._on_close: list[Callable[[], None]] = []
        if self.dialect == "sqlite":
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            pages = settings.database_max_mb * (1024 * 1024 // PAGE_BYTES)
            self.engine = _sqlite_engine(settings.url, "BEGIN", pages)
            self._writer = _sqlite_engine(settings.url, "BEGIN IMMEDIATE", pages)
            self.write_lock: WriteLock | None = WriteLock(settings.data_dir / "write.lock")
        else:
            self.engine = self._writer = _postgresql_engine(settings.url)
            self.write_lock = None

    @property
    def write_engine(self) -> Engine:
        """The engine for writing."""
        return self._writer

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a read-only session over one snapshot of the database."""
        level = "REPEATABLE READ" if self.dialect == "postgresql" else None
        with self.engine.connect() as connection:
            if level:
                connection.execution_options(isolation_level=level, postgresql_readonly=True)
            with connection.begin(), Session(connection, expire_on_commit=False) as session:
                yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a writing session; commits at the end of the block, rolls back after an error."""
        last_steps: list[Callable[[Session], None]] = []
        with self.exclusive(), Session(self._writer, expire_on_commit=False) as session:
            session.info[_BEFORE_COMMIT] = last_steps
            with session.begin():
                yield session
                for step in last_steps:
                    step(session)
        for callback in self._on_commit:
            callback()

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each commit of this process, in the committing thread."""
        self._on_commit.append(callback)

    def connect_raw(self) -> Any:  # noqa: ANN401 - of either driver
        """Return a new connection of the driver with autocommit; the caller has to close it."""
        pooled = self.engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()
        if self.dialect == "postgresql":
            connection.autocommit = True
        return connection

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the database is closed."""
        self._on_close.append(callback)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()
        self._writer.dispose()
        for callback in self._on_close:
            callback()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Exclude other writers of this host while the block runs; on SQLite only."""
        if self.write_lock is None:
            yield
            return
        with self.write_lock:
            yield


def before_commit(session: Session, callback: Callable[[Session], None]) -> None:
    """Call `callback` as the last step of the session's transaction, once however often given."""
    callbacks: list[Callable[[Session], None]] = session.info[_BEFORE_COMMIT]
    if callback not in callbacks:
        callbacks.append(callback)


def _sqlite_engine(url: str, begin: str, pages: int) -> Engine:
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": 10},
        # An error's text has the statement. Its values could be answers, which must not be logged.
        hide_parameters=True,
    )
    lock = threading.Lock()

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401
        # The driver would begin a transaction too late for a stable snapshot.
        connection.isolation_level = None
        with lock:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA cache_size=-65536")
        if pages:
            connection.execute(f"PRAGMA max_page_count={pages}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql_engine(url: str) -> Engine:
    engine = create_engine(
        url, pool_size=10, max_overflow=20, pool_pre_ping=True, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401
        # A committed write must survive a crash, whatever the server's default is.
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit=on")
        connection.commit()

    return engine
