"""Tables of editing: questions, their immutable revisions, and their references."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText, UtcDateTime
from app.kinds import limits


class Question(SQLModel, table=True):
    """One question. Facets and `updated_at` are those of the newest revision.

    The number that a question gets at its first publication is in `published` only.
    """

    __tablename__: ClassVar[str] = "questions"
    __table_args__ = (
        UniqueConstraint("bank", "external_id"),
        CheckConstraint("state IN ('draft', 'in_review', 'published', 'archived')", name="state"),
        CheckConstraint(
            "(state = 'published') = (published_revision IS NOT NULL)", name="live_revision"
        ),
        CheckConstraint(
            "revision >= 1 AND (published_revision IS NULL OR "
            "(published_revision BETWEEN 1 AND revision AND published_at IS NOT NULL))",
            name="revisions",
        ),
        CheckConstraint("difficulty IN ('easy', 'medium', 'hard')", name="difficulty"),
        Index("ix_questions_bank_state", "bank", "state"),
        {"sqlite_with_rowid": False},
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    bank: str = Field(sa_column=Column(String(64), ForeignKey("banks.slug"), nullable=False))
    external_id: str | None = Field(default=None, sa_column=Column(String(limits.EXTERNAL_ID)))
    kind: str = Field(sa_column=Column(String(32), nullable=False))
    state: str = Field(sa_column=Column(String(9), nullable=False))
    revision: int = Field(sa_column=Column(Integer, nullable=False))
    published_revision: int | None = Field(default=None, sa_column=Column(Integer))
    # Time of the first publication; kept when the question is withdrawn.
    published_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    difficulty: str = Field(sa_column=Column(String(6), nullable=False))
    language: str = Field(sa_column=Column(String(35), nullable=False))
    # Each level between commas, so that LIKE '%,fresher,%' finds it.
    levels: str = Field(sa_column=Column(String(64), nullable=False))
    family: str | None = Field(default=None, sa_column=Column(String(64)))


class Revision(SQLModel, table=True):
    """One saved state of a question; rows never change. `by` is the API key, null: command line."""

    __tablename__: ClassVar[str] = "revisions"
    __table_args__ = (CheckConstraint("number >= 1", name="number"),)

    question_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True)
    )
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    content: dict[str, Any] = Field(sa_column=Column(JsonText, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    # Not a foreign key: the history stays when keys are deleted.
    by: UUID | None = Field(default=None, sa_column=Column(Uuid))
    note: str | None = Field(default=None, sa_column=Column(Text))


class QuestionCategory(SQLModel, table=True):
    """A question in a category: in its newest revision, in the live one, or in both."""

    __tablename__: ClassVar[str] = "question_categories"
    __table_args__ = (
        CheckConstraint("in_draft OR in_live", name="used"),
        Index("ix_question_categories_slug", "slug"),
        {"sqlite_with_rowid": False},
    )

    question_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True)
    )
    slug: str = Field(
        sa_column=Column(
            String(64), ForeignKey("categories.slug", ondelete="RESTRICT"), primary_key=True
        )
    )
    in_draft: bool = Field(sa_column=Column(Boolean, nullable=False))
    in_live: bool = Field(sa_column=Column(Boolean, nullable=False))


class QuestionCompany(SQLModel, table=True):
    """A company that asks a question, with the evidence of the newest revision."""

    __tablename__: ClassVar[str] = "question_companies"
    __table_args__ = (
        CheckConstraint("in_draft OR in_live", name="used"),
        CheckConstraint("times_seen IS NULL OR times_seen >= 0", name="times_seen"),
        Index("ix_question_companies_slug", "slug"),
        {"sqlite_with_rowid": False},
    )

    question_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True)
    )
    slug: str = Field(
        sa_column=Column(
            String(64), ForeignKey("companies.slug", ondelete="RESTRICT"), primary_key=True
        )
    )
    in_draft: bool = Field(sa_column=Column(Boolean, nullable=False))
    in_live: bool = Field(sa_column=Column(Boolean, nullable=False))
    source: str | None = Field(default=None, sa_column=Column(String(500)))
    first_seen: str | None = Field(default=None, sa_column=Column(String(10)))
    last_seen: str | None = Field(default=None, sa_column=Column(String(10)))
    times_seen: int | None = Field(default=None, sa_column=Column(Integer))


class QuestionTag(SQLModel, table=True):
    """A question with a tag: in its newest revision, in the live one, or in both."""

    __tablename__: ClassVar[str] = "question_tags"
    __table_args__ = (
        CheckConstraint("in_draft OR in_live", name="used"),
        Index("ix_question_tags_slug", "slug"),
        {"sqlite_with_rowid": False},
    )

    question_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True)
    )
    slug: str = Field(
        sa_column=Column(String(64), ForeignKey("tags.slug", ondelete="RESTRICT"), primary_key=True)
    )
    in_draft: bool = Field(sa_column=Column(Boolean, nullable=False))
    in_live: bool = Field(sa_column=Column(Boolean, nullable=False))


class QuestionMedia(SQLModel, table=True):
    """A media file of a question: in its newest revision, in the live one, or in both."""

    __tablename__: ClassVar[str] = "question_media"
    __table_args__ = (
        CheckConstraint("in_draft OR in_live", name="used"),
        {"sqlite_with_rowid": False},
    )

    question_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True)
    )
    url: str = Field(sa_column=Column(String(1000), primary_key=True))
    in_draft: bool = Field(sa_column=Column(Boolean, nullable=False))
    in_live: bool = Field(sa_column=Column(Boolean, nullable=False))


class QuestionBatch(SQLModel, table=True):
    """The results of a batch, stored as long as its Idempotency-Key; they hold no content."""

    __tablename__: ClassVar[str] = "question_batches"
    __table_args__ = (Index("ix_question_batches_created_at", "created_at"),)

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    results: list[Any] = Field(sa_column=Column(JsonText, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
