"""Leases: at most one process at a time does a background job, and a dead one's lease runs out."""

from types import TracebackType
from typing import ClassVar

from sqlalchemy import BigInteger, Column, String, delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.tables import table_of


class LeaseRow(SQLModel, table=True):
    """Who may do a job, and until when (milliseconds since 1970)."""

    __tablename__: ClassVar[str] = "leases"

    name: str = Field(sa_column=Column(String(64), primary_key=True))
    owner: str = Field(sa_column=Column(String(32), nullable=False))
    until: int = Field(sa_column=Column(BigInteger, nullable=False))


_TABLE = table_of(LeaseRow)


class Lease:
    """A lease on `name`: `with lease as held:` tells whether it was free, and gives it back."""

    def __init__(self, database: Database, name: str, seconds: float = 10.0) -> None:
        """Prepare a lease that runs out `seconds` after its last renewal."""
        self._database = database
        self._name = name
        self._milliseconds = round(seconds * 1000)
        self._owner = time_and_random.random_bytes(16).hex()

    def acquire(self) -> bool:
        """Take the lease, or keep it for another term; False while someone else holds it."""
        now = time_and_random.milliseconds()
        row = {"name": self._name, "owner": self._owner, "until": now + self._milliseconds}
        with self._database.write() as session:
            connection = session.connection()
            dialect = sqlite if self._database.dialect == "sqlite" else postgresql
            connection.execute(dialect.insert(_TABLE).values(row).on_conflict_do_nothing())
            taken = connection.execute(
                update(_TABLE)
                .where(
                    _TABLE.c.name == self._name,
                    or_(_TABLE.c.owner == self._owner, _TABLE.c.until < now),
                )
                .values(row)
            )
            return taken.rowcount == 1

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        with self._database.write() as session:
            session.connection().execute(
                delete(_TABLE).where(_TABLE.c.name == self._name, _TABLE.c.owner == self._owner)
            )

    def __enter__(self) -> bool:
        """Try to take the lease."""
        self._held = self.acquire()
        return self._held

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        if self._held:
            self.release()
