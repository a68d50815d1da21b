"""Tables: the state of the Meilisearch mirror, its indexes and its quarantine; synonyms."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, String, Text, Uuid
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText


class MirrorRow(SQLModel, table=True):
    """How far the mirror has come: a single row, written only by the holder of the lease.

    `holder` is a fencing token: a sender that lost the lease finds another name there and stops.
    `token` is the value that the server must have stored, `next_token` the value that it may have
    stored already; they show whether the server was restored from a backup. `requests` counts the
    requests of operators.
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
    """The index of one bank on the server.

    `incarnation` is the time at which the server created the live index, null if there is none.
    While an index is rebuilt, `staging` names the new one and `done` of `total` questions are in
    it. `wanted` requests a rebuild, `compare` a comparison with the database.
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
    """A question that the server rejects. It is left out of the index until it changes."""

    __tablename__: ClassVar[str] = "search_quarantine"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    bank: str = Field(sa_column=Column(String(64), nullable=False))
    revision: int = Field(sa_column=Column(Integer, nullable=False))
    signature: str = Field(sa_column=Column(String(16), nullable=False))
    code: str = Field(sa_column=Column(String(64), nullable=False))
    message: str = Field(sa_column=Column(Text, nullable=False))
    since: int = Field(sa_column=Column(BigInteger, nullable=False))


class SynonymGroup(SQLModel, table=True):
    """Words and phrases with the same meaning in searches; shared by all banks."""

    __tablename__: ClassVar[str] = "synonyms"

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    words: list[str] = Field(sa_column=Column(JsonText, nullable=False))
