"""The clock: one row that numbers every public change, and what a worker compares itself with."""

from typing import NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, update
from sqlalchemy.engine import Connection
from sqlmodel import Field, Session, SQLModel, select

from app.core import time_and_random

EPOCH_BYTES = 8


class Mark(NamedTuple):
    """A place in the history of what is public: epoch (16 hexadecimal digits), seq, terms."""

    epoch: str
    seq: int
    terms: int


class Clock(SQLModel, table=True):
    """The single row: `seq` counts published rows, `terms` writes to banks, keys, terms, slugs."""

    __tablename__ = "clock"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint("seq >= 0 AND terms >= 0 AND next_number >= 1", name="counts"),
    )

    id: int = Field(default=1, sa_column=Column(Integer, primary_key=True, autoincrement=False))
    epoch: str = Field(sa_column=Column(String(16), nullable=False))
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    terms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    next_number: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))


def new_epoch() -> str:
    """Return a fresh epoch: 16 random hexadecimal digits."""
    return time_and_random.random_bytes(EPOCH_BYTES).hex()


def read_mark(source: Session | Connection) -> Mark:
    """Return where the history stands in the session's transaction."""
    row = source.execute(_READ).one()
    return Mark(*row)


def bump_terms(session: Session) -> None:
    """Tell every worker that banks, keys or terms changed; locks the clock, so call it last."""
    row = session.connection().execute(_BUMP).one()
    session.info["mark"] = Mark(*row)


def start_epoch(session: Session) -> Mark:
    """Declare that history was rewritten: every mark of the former epoch becomes useless."""
    row = (
        session.connection()
        .execute(update(_TABLE).values(epoch=new_epoch()).returning(*_MARK))
        .one()
    )
    session.info["mark"] = Mark(*row)
    return Mark(*row)


_TABLE = Clock.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
_MARK = (_TABLE.c.epoch, _TABLE.c.seq, _TABLE.c.terms)
_READ = select(*_MARK)
_BUMP = update(_TABLE).values(terms=_TABLE.c.terms + 1).returning(*_MARK)
