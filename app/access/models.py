"""Tables of banks and API keys."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, String, Text, Uuid
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText, UtcDateTime


class Bank(SQLModel, table=True):
    """A named collection of questions with its reading rules; the slug never changes."""

    __tablename__: ClassVar[str] = "banks"
    __table_args__ = (
        CheckConstraint("\"read\" IN ('public', 'restricted')", name="read"),
        CheckConstraint("answers IN ('public', 'restricted')", name="answers"),
        CheckConstraint("exposure IN ('open', 'exam')", name="exposure"),
        CheckConstraint("reveal IN ('never', 'score', 'key')", name="reveal"),
    )

    slug: str = Field(sa_column=Column(String(64), primary_key=True))
    name: str = Field(sa_column=Column(String(200), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    language: str = Field(sa_column=Column(String(35), nullable=False))
    read: str = Field(sa_column=Column(String(10), nullable=False))
    answers: str = Field(sa_column=Column(String(10), nullable=False))
    exposure: str = Field(sa_column=Column(String(4), nullable=False))
    reveal: str = Field(sa_column=Column(String(5), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ApiKey(SQLModel, table=True):
    """A key with the SHA-256 of its secret; `banks` is a list of slugs, or ["*"]."""

    __tablename__: ClassVar[str] = "api_keys"
    __table_args__ = (
        CheckConstraint("kind IN ('secret', 'publishable')", name="kind"),
        CheckConstraint("kind = 'secret' OR scopes = '[]'", name="publishable_without_scopes"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    prefix: str = Field(sa_column=Column(String(16), nullable=False))
    digest: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    name: str = Field(sa_column=Column(String(200), nullable=False))
    kind: str = Field(sa_column=Column(String(11), nullable=False))
    scopes: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    banks: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    origins: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    rate: str | None = Field(default=None, sa_column=Column(String(40)))
    # Not a foreign key: descendants stay when the key that made them is deleted.
    made_by: UUID | None = Field(default=None, sa_column=Column(Uuid, index=True))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
