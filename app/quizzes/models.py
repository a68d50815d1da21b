"""Tables of quizzes. A quiz never changes, and each of its questions has a fixed revision."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText, UtcDateTime


class Quiz(SQLModel, table=True):
    """One quiz. The slug it was created with may name a newer quiz."""

    __tablename__: ClassVar[str] = "quizzes"
    __table_args__ = (
        CheckConstraint("mode IN ('practice', 'assessed')", name="mode"),
        CheckConstraint("draw IN ('once', 'each_attempt')", name="draw"),
        CheckConstraint("question_count >= 1", name="question_count"),
        Index("ix_quizzes_slug", "slug"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    slug: str | None = Field(sa_column=Column(String(64)))
    title: str = Field(sa_column=Column(String(200), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    language: str | None = Field(sa_column=Column(String(35)))
    mode: str = Field(sa_column=Column(String(16), nullable=False))
    draw: str = Field(sa_column=Column(String(16), nullable=False))
    settings: dict[str, Any] = Field(sa_column=Column(JsonText, nullable=False))
    question_count: int = Field(sa_column=Column(Integer, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class QuizItem(SQLModel, table=True):
    """One question of a quiz, at the revision that was live when the quiz was created."""

    __tablename__: ClassVar[str] = "quiz_items"
    __table_args__ = (
        ForeignKeyConstraint(["number", "revision"], ["documents.number", "documents.revision"]),
        UniqueConstraint("quiz_id", "number"),
        CheckConstraint("position >= 0", name="position"),
    )

    quiz_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("quizzes.id", ondelete="CASCADE"), primary_key=True)
    )
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(BigInteger, nullable=False))
    revision: int = Field(sa_column=Column(Integer, nullable=False))


class QuizBank(SQLModel, table=True):
    """One bank that the quiz may draw from: only callers who may read it can see the quiz."""

    __tablename__: ClassVar[str] = "quiz_banks"
    __table_args__ = (Index("ix_quiz_banks_bank", "bank"),)

    quiz_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("quizzes.id", ondelete="CASCADE"), primary_key=True)
    )
    bank: str = Field(sa_column=Column(String(64), ForeignKey("banks.slug"), primary_key=True))


class QuizSlug(SQLModel, table=True):
    """A slug, and the newest quiz that was created with it."""

    __tablename__: ClassVar[str] = "quiz_slugs"

    slug: str = Field(sa_column=Column(String(64), primary_key=True))
    quiz_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("quizzes.id"), nullable=False))
