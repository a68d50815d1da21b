"""The edition clock: one row that numbers every public change.

A worker compares its own mark with the clock's to know whether its memory is up to date.
"""

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    Row,
    String,
    bindparam,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Field, Session, SQLModel

from app.core import time_and_random
from app.core.db.database import before_commit
from app.core.db.lock_order import mark_clock_locked
from app.core.db.tables import table_of

EPOCH_BYTES = 8


class Mark(NamedTuple):
    """A position in the history of what is public."""

    # 16 hexadecimal digits; a new one says that history was rewritten.
    epoch: str
    # The number of the last change to published questions.
    seq: int
    # How many writes there were to banks, keys, vocabularies and quiz slugs.
    config_version: int

    def covers(self, other: "Mark") -> bool:
        """Return whether this position includes every change up to `other`."""
        return (
            self.epoch == other.epoch
            and self.seq >= other.seq
            and self.config_version >= other.config_version
        )


class Clock(SQLModel, table=True):
    """The single row that holds the current mark, and the number of the next new question."""

    __tablename__ = "clock"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint("seq >= 0 AND config_version >= 0 AND next_number >= 1", name="counts"),
    )

    id: int = Field(default=1, sa_column=Column(Integer, primary_key=True, autoincrement=False))
    epoch: str = Field(sa_column=Column(String(16), nullable=False))
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    config_version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    next_number: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))


def new_epoch() -> str:
    """Return a fresh epoch: 16 random hexadecimal digits."""
    return time_and_random.random_bytes(EPOCH_BYTES).hex()


def read_mark(source: Session | Connection) -> Mark:
    """Return the clock's mark as the transaction sees it."""
    row = source.execute(_READ).one()
    return Mark(*row)


def written_mark(session: Session) -> Mark | None:
    """Return the mark of what a session has written; None if it has not moved the clock."""
    mark: Mark | None = session.info.get(_WRITTEN_MARK)
    return mark


def bump_config(session: Session) -> None:
    """Count a write to banks, keys, vocabularies or quiz slugs, so that every worker reads them.

    The clock moves as the last step of the transaction, once however often this is called.
    """
    before_commit(session, _bump_config)


def advance(session: Session, changes: int, new_questions: int) -> tuple[Mark, int]:
    """Take the next values of `seq` and the next numbers of questions; locks the clock.

    Return the mark after the last change, and the number after the last new question. Only rows of
    what is published may be written afterwards (app.core.db.lock_order).
    """
    parameters = {"changes": changes, "new_questions": new_questions}
    row = _move(session, _ADVANCE, parameters)
    return Mark(row.epoch, row.seq, row.config_version), row.next_number


def start_epoch(session: Session) -> Mark:
    """Start a new epoch after history was rewritten: marks of the former one become invalid."""
    row = _move(session, _START_EPOCH, {"new_epoch": new_epoch()})
    return Mark(row.epoch, row.seq, row.config_version)


def _bump_config(session: Session) -> None:
    _move(session, _BUMP_CONFIG, {})


def _move(
    session: Session, statement: ReturningUpdate[Any], parameters: dict[str, Any]
) -> Row[Any]:
    row = session.connection().execute(statement, parameters).one()
    session.info[_WRITTEN_MARK] = Mark(row.epoch, row.seq, row.config_version)
    mark_clock_locked(session)
    return row


# The key in a session's `info` of the mark that it has written.
_WRITTEN_MARK = "mark"
_TABLE = table_of(Clock)
_MARK = (_TABLE.c.epoch, _TABLE.c.seq, _TABLE.c.config_version)
_READ = select(*_MARK)
_BUMP_CONFIG = update(_TABLE).values(config_version=_TABLE.c.config_version + 1).returning(*_MARK)
_START_EPOCH = update(_TABLE).values(epoch=bindparam("new_epoch")).returning(*_MARK)
_ADVANCE = (
    update(_TABLE)
    .values(
        seq=_TABLE.c.seq + bindparam("changes"),
        next_number=_TABLE.c.next_number + bindparam("new_questions"),
    )
    .returning(*_MARK, _TABLE.c.next_number)
)
