"""What the mirror keeps in our database, so that another process can go on where one stopped."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.published.follower import NO_MARK
from app.search.models import MirrorIndexRow, MirrorRow, QuarantineRow


class LostLeaseError(Exception):
    """Another process has taken the lease: nothing more may be sent from here."""


@dataclass(slots=True)
class Progress:
    """How far the mirror has come; see models.MirrorRow."""

    epoch: str
    seq: int
    config_version: int
    token: str | None
    next_token: str | None
    clean: bool
    requests: int
    report: Mapping[str, Any] | None

    @property
    def mark(self) -> Mark:
        """The state of what is public up to which everything was acknowledged."""
        return Mark(self.epoch, self.seq, self.config_version)


@dataclass(slots=True)
class Place:
    """One bank's index; see models.MirrorIndexRow."""

    bank: str
    incarnation: str | None = None
    staging: str | None = None
    staging_incarnation: str | None = None
    wanted: bool = False
    compare: bool = False
    done: int = 0
    total: int = 0


class Quarantined(NamedTuple):
    """A question that the server does not take, until its signature changes."""

    number: int
    bank: str
    revision: int
    signature: str
    code: str
    message: str
    since: int


class States:
    """Reads and writes the tables; whoever writes as `holder` must hold the fence."""

    def __init__(self, database: Database, holder: str = "") -> None:
        """Speak for the process `holder`."""
        self._database = database
        self._holder = holder

    def take(self, prefix: str) -> tuple[Progress, dict[str, Place]]:
        """Put up our fence and return what the one before left; other names mean a fresh start."""
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        fresh = {"id": 1, "prefix": prefix, "holder": "", **_BEGINNING, "requests": 0}
        with self._database.write() as session:
            connection = session.connection()
            connection.execute(dialect.insert(_MIRROR).values(fresh).on_conflict_do_nothing())
            known = connection.execute(
                update(_MIRROR).values(holder=self._holder).returning(_MIRROR.c.prefix)
            ).scalar_one()
            if known != prefix:
                connection.execute(delete(_INDEXES))
                connection.execute(update(_MIRROR).values(prefix=prefix, **_BEGINNING))
            return _read(session)

    def read(self) -> tuple[Progress, dict[str, Place]] | None:
        """Return what is kept; None where no mirror ever ran."""
        with self._database.read() as session:
            if session.connection().execute(select(_MIRROR.c.id)).first() is None:
                return None
            return _read(session)

    def save(self, progress: Progress) -> None:
        """Keep the progress; LostLeaseError when the fence is another's."""
        with self._fenced(
            epoch=progress.epoch,
            seq=progress.seq,
            config_version=progress.config_version,
            token=progress.token,
            next_token=progress.next_token,
            clean=progress.clean,
            report=progress.report,
        ):
            pass

    def save_place(self, place: Place, *names: str) -> None:
        """Keep the named fields of a bank's index, or make its row when none is named."""
        values = {name: getattr(place, name) for name in names or Place.__slots__}
        mine = update(_INDEXES).where(_INDEXES.c.bank == place.bank)
        with self._fenced() as session:
            session.connection().execute((mine if names else insert(_INDEXES)).values(**values))

    def drop_place(self, bank: str) -> None:
        """Forget a bank's index and what was quarantined of it."""
        with self._fenced() as session:
            for table in (_INDEXES, _QUARANTINE):
                session.connection().execute(delete(table).where(table.c.bank == bank))

    def quarantined(self) -> dict[int, Quarantined]:
        """Return what the server did not take, by number."""
        with self._database.read() as session:
            rows = session.connection().execute(select(_QUARANTINE).order_by(_QUARANTINE.c.number))
            return {row.number: Quarantined(*row) for row in rows}

    def count_quarantined(self) -> int:
        """Return how many questions the server did not take."""
        with self._database.read() as session:
            statement = select(func.count()).select_from(_QUARANTINE)
            return int(session.connection().execute(statement).scalar_one())

    def quarantine(self, entry: Quarantined) -> None:
        """Keep one that the server did not take."""
        with self._fenced() as session:
            connection = session.connection()
            connection.execute(delete(_QUARANTINE).where(_QUARANTINE.c.number == entry.number))
            connection.execute(insert(_QUARANTINE).values(entry._asdict()))

    def release(self, numbers: Sequence[int]) -> None:
        """Forget that these were quarantined."""
        with self._fenced() as session:
            statement = delete(_QUARANTINE).where(_QUARANTINE.c.number.in_(numbers))
            session.connection().execute(statement)

    def request(self, banks: Sequence[str] | None, *, rebuild: bool) -> None:
        """Ask whoever holds the lease for fresh indexes, or for a comparison and its repair.

        What was quarantined is tried again.
        """
        change = {"wanted": True, "done": 0} if rebuild else {"compare": True}
        with self._database.write() as session:
            connection = session.connection()
            mine = true() if banks is None else _INDEXES.c.bank.in_(banks)
            connection.execute(update(_INDEXES).where(mine).values(**change))
            theirs = true() if banks is None else _QUARANTINE.c.bank.in_(banks)
            connection.execute(delete(_QUARANTINE).where(theirs))
            connection.execute(update(_MIRROR).values(requests=_MIRROR.c.requests + 1))

    @contextmanager
    def _fenced(self, **values: object) -> Iterator[Session]:
        with self._database.write() as session:
            mine = update(_MIRROR).where(_MIRROR.c.holder == self._holder)
            found = session.connection().execute(mine.values({"holder": self._holder} | values))
            if found.rowcount == 0:
                message = "another process mirrors now"
                raise LostLeaseError(message)
            yield session


def new_token() -> str:
    """Return what tells one state of the server from every other."""
    return time_and_random.random_bytes(16).hex()


def _read(session: Session) -> tuple[Progress, dict[str, Place]]:
    connection = session.connection()
    row = connection.execute(select(*(_MIRROR.c[name] for name in Progress.__slots__))).one()
    places = connection.execute(select(*(_INDEXES.c[name] for name in Place.__slots__)))
    return Progress(*row), {place.bank: Place(*place) for place in places}


_BEGINNING: dict[str, Any] = {
    "epoch": NO_MARK.epoch,
    "seq": NO_MARK.seq,
    "config_version": NO_MARK.config_version,
    "token": None,
    "next_token": None,
    "clean": False,
    "report": None,
}
_MIRROR = MirrorRow.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
_INDEXES = MirrorIndexRow.__table__  # type: ignore[attr-defined]
_QUARANTINE = QuarantineRow.__table__  # type: ignore[attr-defined]
