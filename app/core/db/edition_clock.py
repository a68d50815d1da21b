"""The edition clock: one row that numbers every public change.

A worker compares its own mark with the clock's to know whether its memory is up to date.
"""

from typing import NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, update
from sqlalchemy.engine import Connection
from sqlmodel import Field, Session, SQLModel, select

from app.core import time_and_random

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
    mark: Mark | None = session.info.get(_MARK_KEY)
    return mark


def set_written_mark(session: Session, mark: Mark) -> None:
    """Note the mark that a session has moved the clock to."""
    session.info[_MARK_KEY] = mark


def bump_config(session: Session) -> None:
    """Count a write to banks, keys, vocabularies or quiz slugs, so that every worker reads them.

    Locks the clock, so call it last in the transaction.
    """
    row = session.connection().execute(_BUMP).one()
    set_written_mark(session, Mark(*row))


def start_epoch(session: Session) -> Mark:
    """Start a new epoch after history was rewritten: marks of the former one become invalid."""
    row = (
        session.connection()
        .execute(update(_TABLE).values(epoch=new_epoch()).returning(*_MARK))
        .one()
    )
    mark = Mark(*row)
    set_written_mark(session, mark)
    return mark


_MARK_KEY = "mark"
_TABLE = Clock.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
_MARK = (_TABLE.c.epoch, _TABLE.c.seq, _TABLE.c.config_version)
_READ = select(*_MARK)
_BUMP = update(_TABLE).values(config_version=_TABLE.c.config_version + 1).returning(*_MARK)
