"""Tables of terms, and a table of all their names, which are unique in a vocabulary."""

from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Text
from sqlmodel import Field, SQLModel

from app.core.db.database import JsonText
from app.core.fields import MAX_NAME, MAX_SLUG


class Category(SQLModel, table=True):
    """A subject in the tree of categories. The slug never changes."""

    __tablename__: ClassVar[str] = "categories"
    __table_args__ = (CheckConstraint("parent <> slug", name="not_its_own_parent"),)

    slug: str = Field(sa_column=Column(String(MAX_SLUG), primary_key=True))
    name: str = Field(sa_column=Column(String(MAX_NAME), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    aliases: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    parent: str | None = Field(
        default=None,
        sa_column=Column(
            String(MAX_SLUG), ForeignKey("categories.slug", ondelete="RESTRICT"), index=True
        ),
    )


class Company(SQLModel, table=True):
    """A company that asks questions. The slug never changes."""

    __tablename__: ClassVar[str] = "companies"

    slug: str = Field(sa_column=Column(String(MAX_SLUG), primary_key=True))
    name: str = Field(sa_column=Column(String(MAX_NAME), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    aliases: list[str] = Field(sa_column=Column(JsonText, nullable=False))


class Tag(SQLModel, table=True):
    """A flat term, optionally in a group such as format or role. The slug never changes."""

    __tablename__: ClassVar[str] = "tags"

    slug: str = Field(sa_column=Column(String(MAX_SLUG), primary_key=True))
    name: str = Field(sa_column=Column(String(MAX_NAME), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    aliases: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    group: str | None = Field(default=None, sa_column=Column("group", String(MAX_SLUG)))


class TermName(SQLModel, table=True):
    """One folded slug, name or alias of a term. Each belongs to one term of its vocabulary."""

    __tablename__: ClassVar[str] = "term_names"
    __table_args__ = (
        CheckConstraint("vocabulary IN ('categories', 'companies', 'tags')", name="vocabulary"),
    )

    vocabulary: str = Field(sa_column=Column(String(10), primary_key=True))
    folded: str = Field(sa_column=Column(String(MAX_NAME), primary_key=True))
    slug: str = Field(sa_column=Column(String(MAX_SLUG), nullable=False))
