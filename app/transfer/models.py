"""The table of import jobs, with their progress and their reports."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, Uuid
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText, UtcDateTime

OPEN_STATES = ("queued", "checking", "applying")


class ImportJob(SQLModel, table=True):
    """One import; `next_offset` (bytes) and `next_line` are where the next row to apply begins."""

    __tablename__: ClassVar[str] = "imports"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'checking', 'applying', 'done', 'refused')", name="state"
        ),
        CheckConstraint("target IN ('draft', 'published')", name="target"),
        CheckConstraint("done >= 0 AND next_offset >= 0 AND next_line >= 1", name="place"),
        Index("ix_imports_state_created_at", "state", "created_at"),
        Index("ix_imports_key_id", "key_id"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    # No foreign key: the report outlives the key, and imports of the command line have no key.
    key_id: UUID | None = Field(sa_column=Column(Uuid))
    bank: str = Field(sa_column=Column(String(64), nullable=False))
    file_format: str = Field(sa_column=Column(String(16), nullable=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    dry_run: bool = False
    target: str = Field(sa_column=Column(String(16), nullable=False))
    create_terms: bool = False
    state: str = Field(default="queued", sa_column=Column(String(16), nullable=False))
    done: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    of: int | None = Field(default=None, sa_column=Column(Integer))
    created: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    changed: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    unchanged: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    next_offset: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    next_line: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    unknown_terms: list[Any] = Field(
        default_factory=list, sa_column=Column(JsonText, nullable=False)
    )
    error_count: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    rows: list[Any] = Field(default_factory=list, sa_column=Column(JsonText, nullable=False))
    epoch: str | None = Field(default=None, sa_column=Column(String(16)))
    seq: int | None = Field(default=None, sa_column=Column(BigInteger))
    config_version: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
