"""Tables of what is public: immutable documents and answers, and the change feed."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Text,
    Uuid,
)
from sqlmodel import Field, SQLModel


class Document(SQLModel, table=True):
    """The public JSON of one revision, without its answer; it never changes."""

    __tablename__: ClassVar[str] = "documents"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Answer(SQLModel, table=True):
    """The answer side of one revision: key, explanation, feedback; it never changes."""

    __tablename__: ClassVar[str] = "answers"
    __table_args__ = (
        ForeignKeyConstraint(["number", "revision"], ["documents.number", "documents.revision"]),
    )

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Published(SQLModel, table=True):
    """The change feed: one row for each question that is or was public.

    A row without a revision is a tombstone: the question was withdrawn. Facets with several values
    are joined by commas.
    """

    __tablename__: ClassVar[str] = "published"
    __table_args__ = (
        ForeignKeyConstraint(["number", "revision"], ["documents.number", "documents.revision"]),
        CheckConstraint("number >= 1 AND seq >= 1", name="positive"),
        CheckConstraint("difficulty IN ('easy', 'medium', 'hard')", name="difficulty"),
    )

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    id: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    bank: str = Field(sa_column=Column(String(64), ForeignKey("banks.slug"), nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    revision: int | None = Field(sa_column=Column(Integer))
    kind: str = Field(sa_column=Column(String(32), nullable=False))
    categories: str = Field(sa_column=Column(Text, nullable=False))
    companies: str = Field(sa_column=Column(Text, nullable=False))
    tags: str = Field(sa_column=Column(Text, nullable=False))
    levels: str = Field(sa_column=Column(Text, nullable=False))
    difficulty: str = Field(sa_column=Column(String(6), nullable=False))
    language: str = Field(sa_column=Column(String(35), nullable=False))
    family: str | None = Field(sa_column=Column(String(64)))
    translation_group: str | None = Field(sa_column=Column(String(64)))
    published_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    updated_at: int = Field(sa_column=Column(BigInteger, nullable=False))
