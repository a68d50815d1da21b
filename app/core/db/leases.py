"""Leases: at most one process at a time does a background job. A dead process's lease expires."""

from types import TracebackType
from typing import ClassVar

from sqlalchemy import BigInteger, Column, String, delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.tables import table_of


class LeaseRow(SQLModel, table=True):
    """The process that may do a job, and until when (milliseconds since 1970)."""

    __tablename__: ClassVar[str] = "leases"

    name: str = Field(sa_column=Column(String(64), primary_key=True))
    owner: str = Field(sa_column=Column(String(32), nullable=False))
    until: int = Field(sa_column=Column(BigInteger, nullable=False))


_TABLE = table_of(LeaseRow)


class Lease:
    """A lease on a job: `with lease as is_mine:` tries to acquire it, and releases it."""

    def __init__(self, database: Database, name: str, seconds: float = 10.0) -> None:
        """Prepare a lease that expires `seconds` after it was last acquired."""
        self._database = database
        self._name = name
        self._milliseconds = round(seconds * 1000)
        self._owner = time_and_random.random_bytes(16).hex()

    def acquire(self) -> bool:
        """Acquire or renew the lease; return False while another process has it."""
        now = time_and_random.milliseconds()
        row = {"name": self._name, "owner": self._owner, "until": now + self._milliseconds}
        with self._database.write() as session:
            connection = session.connection()
            dialect = sqlite if self._database.dialect == "sqlite" else postgresql
            connection.execute(dialect.insert(_TABLE).values(row).on_conflict_do_nothing())
            updated = connection.execute(
                update(_TABLE)
                .where(
                    _TABLE.c.name == self._name,
                    or_(_TABLE.c.owner == self._owner, _TABLE.c.until < now),
                )
                .values(row)
            )
            return updated.rowcount == 1

    def release(self) -> None:
        """Release the lease, if this process has it."""
        with self._database.write() as session:
            session.connection().execute(
                delete(_TABLE).where(_TABLE.c.name == self._name, _TABLE.c.owner == self._owner)
            )

    def __enter__(self) -> bool:
        """Try to acquire the lease."""
        self._is_mine = self.acquire()
        return self._is_mine

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release it."""
        if self._is_mine:
            self.release()
