"""Tables of the search room: how far the mirror has come, its indexes, what it lacks; synonyms."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, String, Text, Uuid
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText


class MirrorRow(SQLModel, table=True):
    """How far the mirror has come: one row, written only by whoever holds the lease.

    `holder` is the fence: a sender that lost the lease finds another's name and stops. `token` is
    what the server's own note must say, `next_token` what it may say already. `requests` counts
    what operators asked for.
    """

    __tablename__: ClassVar[str] = "search_mirror"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: int = Field(default=1, sa_column=Column(Integer, primary_key=True, autoincrement=False))
    prefix: str = Field(sa_column=Column(String(64), nullable=False))
    holder: str = Field(default="", sa_column=Column(String(32), nullable=False))
    epoch: str = Field(default="", sa_column=Column(String(16), nullable=False))
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    config_version: int = Field(default=-1, sa_column=Column(BigInteger, nullable=False))
    token: str | None = Field(default=None, sa_column=Column(String(32)))
    next_token: str | None = Field(default=None, sa_column=Column(String(32)))
    clean: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    requests: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    report: Any = Field(default=None, sa_column=Column(JsonText))


class MirrorIndexRow(SQLModel, table=True):
    """One bank's index: `incarnation` is the time at which the server made it, null without one.

    `staging` is the fresh index beside it while one is built; `wanted` asks for one, `compare` for
    a comparison with the database, `done` of `total` questions are in the fresh one.
    """

    __tablename__: ClassVar[str] = "search_indexes"

    bank: str = Field(sa_column=Column(String(64), primary_key=True))
    incarnation: str | None = Field(default=None, sa_column=Column(String(40)))
    staging: str | None = Field(default=None, sa_column=Column(String(200)))
    staging_incarnation: str | None = Field(default=None, sa_column=Column(String(40)))
    wanted: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    compare: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    done: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    total: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class QuarantineRow(SQLModel, table=True):
    """A question that the server does not take, until it changes; not in the index meanwhile."""

    __tablename__: ClassVar[str] = "search_quarantine"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    bank: str = Field(sa_column=Column(String(64), nullable=False))
    revision: int = Field(sa_column=Column(Integer, nullable=False))
    signature: str = Field(sa_column=Column(String(16), nullable=False))
    code: str = Field(sa_column=Column(String(64), nullable=False))
    message: str = Field(sa_column=Column(Text, nullable=False))
    since: int = Field(sa_column=Column(BigInteger, nullable=False))


class SynonymGroup(SQLModel, table=True):
    """Words and phrases that mean the same to whoever searches; shared by all banks, like terms."""

    __tablename__: ClassVar[str] = "synonyms"

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    words: list[str] = Field(sa_column=Column(JsonText, nullable=False))
