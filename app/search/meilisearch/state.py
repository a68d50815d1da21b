"""The mirror's durable state: replication progress, indexes and quarantine in our database.

The replicator saves here what another process needs to take over; status, operator routes and
commands read it. Writes are fenced: a process whose lease was taken over cannot write.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.db.tables import table_of
from app.published.follower import NO_MARK
from app.search.models import MirrorIndexRow, MirrorRow, QuarantineRow


class LeaseLostError(Exception):
    """Another process has taken the lease: this one must not send anything more."""


@dataclass(slots=True)
class ReplicationProgress:
    """The one row of `search_mirror`.

    `epoch`, `seq` and `config_version` are the mark up to which everything was acknowledged.
    `token` is the marker's token on the server, `next_token` the one that is being written.
    `stopped_cleanly`: the last holder stopped when everything was acknowledged. `requests` counts
    the requests of operators. `report` is what operators read.
    """

    epoch: str
    seq: int
    config_version: int
    token: str | None
    next_token: str | None
    stopped_cleanly: bool
    requests: int
    report: Mapping[str, Any] | None

    @property
    def mark(self) -> Mark:
        """The public state up to which everything was acknowledged."""
        return Mark(self.epoch, self.seq, self.config_version)


@dataclass(slots=True)
class IndexState:
    """One bank's row of `search_indexes`.

    An index is identified by the time at which the server created it. `live_created_at` is None
    while the bank has no live index, `staging_name` while no staging index is being built.
    `rebuild_requested` asks for a build, `comparison_requested` for a comparison. `copied_rows` of
    `total_rows` questions have been compared with the staging index.
    """

    bank: str
    live_created_at: str | None = None
    staging_name: str | None = None
    staging_created_at: str | None = None
    rebuild_requested: bool = False
    comparison_requested: bool = False
    copied_rows: int = 0
    total_rows: int = 0


class QuarantineEntry(NamedTuple):
    """A question that the server rejects; it is not sent again until its signature changes."""

    number: int
    bank: str
    revision: int
    signature: str
    code: str
    message: str
    since: int


class MirrorStateStore:
    """Reads and writes the mirror's tables on behalf of one process.

    The writing methods raise LeaseLostError when another process has called `take_over`; only
    `request_rebuild` and `request_comparison` are for every process.
    """

    def __init__(self, database: Database, holder: str = "") -> None:
        """Act for the process with the random name `holder`."""
        self._database = database
        self._holder = holder

    def take_over(self, prefix: str) -> tuple[ReplicationProgress, dict[str, IndexState]]:
        """Make this process the only writer and return the state that the last one left.

        The state starts empty if the prefix of index names has changed.
        """
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        first_row = {"id": 1, "prefix": prefix, "holder": "", **_INITIAL_PROGRESS, "requests": 0}
        with self._database.write() as session:
            connection = session.connection()
            connection.execute(dialect.insert(_MIRROR).values(first_row).on_conflict_do_nothing())
            last_prefix = connection.execute(
                update(_MIRROR).values(holder=self._holder).returning(_MIRROR.c.prefix)
            ).scalar_one()
            if last_prefix != prefix:
                connection.execute(delete(_INDEXES))
                connection.execute(update(_MIRROR).values(prefix=prefix, **_INITIAL_PROGRESS))
            return _load(session)

    def load(self) -> tuple[ReplicationProgress, dict[str, IndexState]] | None:
        """Return progress and indexes by bank; None if no mirror has ever run."""
        with self._database.read() as session:
            if session.connection().execute(select(_MIRROR.c.id)).first() is None:
                return None
            return _load(session)

    def save_progress(self, progress: ReplicationProgress) -> None:
        """Save the progress, except for the count of requests."""
        values = {
            column: getattr(progress, name)
            for name, column in _PROGRESS_COLUMNS.items()
            if name != "requests"
        }
        with self._fenced_transaction(**values):
            pass

    def insert_index(self, index: IndexState) -> None:
        """Insert the row of a bank's index."""
        values = {column: getattr(index, name) for name, column in _INDEX_COLUMNS.items()}
        with self._fenced_transaction() as session:
            session.connection().execute(insert(_INDEXES).values(**values))

    def update_index(self, index: IndexState, *names: str) -> None:
        """Save the named fields of a bank's index."""
        values = {_INDEX_COLUMNS[name]: getattr(index, name) for name in names}
        bank_row = update(_INDEXES).where(_INDEXES.c.bank == index.bank)
        with self._fenced_transaction() as session:
            session.connection().execute(bank_row.values(**values))

    def delete_index(self, bank: str) -> None:
        """Delete the row of a bank's index, and the bank's quarantine entries."""
        with self._fenced_transaction() as session:
            for table in (_INDEXES, _QUARANTINE):
                session.connection().execute(delete(table).where(table.c.bank == bank))

    def load_quarantine(self) -> dict[int, QuarantineEntry]:
        """Return every quarantine entry, by question number."""
        with self._database.read() as session:
            rows = session.connection().execute(select(_QUARANTINE).order_by(_QUARANTINE.c.number))
            return {row.number: QuarantineEntry(*row) for row in rows}

    def count_quarantined(self) -> int:
        """Return how many questions are in quarantine."""
        with self._database.read() as session:
            statement = select(func.count()).select_from(_QUARANTINE)
            return int(session.connection().execute(statement).scalar_one())

    def add_to_quarantine(self, entry: QuarantineEntry) -> None:
        """Insert or replace a question's quarantine entry."""
        with self._fenced_transaction() as session:
            connection = session.connection()
            connection.execute(delete(_QUARANTINE).where(_QUARANTINE.c.number == entry.number))
            connection.execute(insert(_QUARANTINE).values(entry._asdict()))

    def remove_from_quarantine(self, numbers: Sequence[int]) -> None:
        """Delete quarantine entries by question number."""
        with self._fenced_transaction() as session:
            statement = delete(_QUARANTINE).where(_QUARANTINE.c.number.in_(numbers))
            session.connection().execute(statement)

    def request_rebuild(self, banks: Sequence[str]) -> None:
        """Ask the lease holder to rebuild the banks' indexes and to retry their quarantine."""
        with self._database.write() as session:
            connection = session.connection()
            connection.execute(
                update(_INDEXES).where(_INDEXES.c.bank.in_(banks)).values(wanted=True, done=0)
            )
            connection.execute(delete(_QUARANTINE).where(_QUARANTINE.c.bank.in_(banks)))
            connection.execute(_count_request())

    def request_comparison(self) -> None:
        """Ask the lease holder to compare and repair all indexes and to retry the quarantine."""
        with self._database.write() as session:
            connection = session.connection()
            connection.execute(update(_INDEXES).values(compare=True))
            connection.execute(delete(_QUARANTINE))
            connection.execute(_count_request())

    @contextmanager
    def _fenced_transaction(self, **progress_values: object) -> Iterator[Session]:
        """Write in a transaction that fails if another process has taken over."""
        with self._database.write() as session:
            values = {"holder": self._holder} | progress_values
            own_row = update(_MIRROR).where(_MIRROR.c.holder == self._holder)
            if session.connection().execute(own_row.values(values)).rowcount == 0:
                message = "another process has taken over the mirror"
                raise LeaseLostError(message)
            yield session


def new_token() -> str:
    """Return a random token for the marker."""
    return time_and_random.random_bytes(16).hex()


def _count_request() -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    return update(_MIRROR).values(requests=_MIRROR.c.requests + 1)


def _load(session: Session) -> tuple[ReplicationProgress, dict[str, IndexState]]:
    connection = session.connection()
    progress = connection.execute(
        select(*(_MIRROR.c[column] for column in _PROGRESS_COLUMNS.values()))
    ).one()
    indexes = connection.execute(
        select(*(_INDEXES.c[column] for column in _INDEX_COLUMNS.values()))
    )
    return ReplicationProgress(*progress), {row.bank: IndexState(*row) for row in indexes}


_MIRROR = table_of(MirrorRow)
_INDEXES = table_of(MirrorIndexRow)
_QUARANTINE = table_of(QuarantineRow)
# The column of each field, in the order of the fields.
_PROGRESS_COLUMNS = {
    "epoch": "epoch",
    "seq": "seq",
    "config_version": "config_version",
    "token": "token",
    "next_token": "next_token",
    "stopped_cleanly": "clean",
    "requests": "requests",
    "report": "report",
}
_INDEX_COLUMNS = {
    "bank": "bank",
    "live_created_at": "incarnation",
    "staging_name": "staging",
    "staging_created_at": "staging_incarnation",
    "rebuild_requested": "wanted",
    "comparison_requested": "compare",
    "copied_rows": "done",
    "total_rows": "total",
}
_INITIAL_PROGRESS: dict[str, Any] = {
    "epoch": NO_MARK.epoch,
    "seq": NO_MARK.seq,
    "config_version": NO_MARK.config_version,
    "token": None,
    "next_token": None,
    "clean": False,
    "report": None,
}
