"""SQL statements about quizzes."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.db.tables import table_of
from app.quizzes.models import Quiz, QuizBank, QuizItem, QuizSlug


class CoverFilter(NamedTuple):
    """The filter of a list of quizzes; None matches any value."""

    slug: str | None
    mode: str | None
    language: str | None


class QuizRepository:
    """Reads and adds quizzes through one connection."""

    def __init__(self, connection: Connection) -> None:
        """Use the transaction of `connection`."""
        self._connection = connection

    def add(self, quiz: Quiz, items: Sequence[tuple[int, int]], banks: Collection[str]) -> None:
        """Insert a quiz with its (number, revision) pairs in order and the banks of its plan."""
        run = self._connection.execute
        run(insert(_QUIZ).values(quiz.model_dump()))
        rows = [
            {"quiz_id": quiz.id, "position": position, "number": number, "revision": revision}
            for position, (number, revision) in enumerate(items)
        ]
        run(insert(_ITEM), rows)
        run(insert(_BANK), [{"quiz_id": quiz.id, "bank": bank} for bank in sorted(banks)])

    def claim_slug(self, slug: str, quiz_id: UUID) -> UUID | None:
        """Insert a slug for a quiz; if it exists, lock it and return the id of its current quiz."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        row = {"slug": slug, "quiz_id": quiz_id}
        claim = dialect.insert(_SLUG).values(row).on_conflict_do_nothing()
        if self._connection.execute(claim.returning(_SLUG.c.slug)).first() is not None:
            return None
        found: UUID = self._connection.execute(
            select(_SLUG.c.quiz_id).where(_SLUG.c.slug == slug).with_for_update()
        ).scalar_one()
        return found

    def move_slug(self, slug: str, quiz_id: UUID) -> None:
        """Update an existing slug to another quiz."""
        self._connection.execute(update(_SLUG).where(_SLUG.c.slug == slug).values(quiz_id=quiz_id))

    def find_slug(self, slug: str) -> UUID | None:
        """Return the id of the quiz that a slug names, None if there is no such slug."""
        found: UUID | None = self._connection.execute(
            select(_SLUG.c.quiz_id).where(_SLUG.c.slug == slug)
        ).scalar_one_or_none()
        return found

    def get(self, quiz_id: UUID) -> Quiz | None:
        """Return a quiz without its items."""
        row = self._connection.execute(select(_QUIZ).where(_QUIZ.c.id == quiz_id)).one_or_none()
        return None if row is None else Quiz(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    def items(self, quiz_id: UUID) -> list[tuple[int, int]]:
        """Return the (number, revision) pairs of a quiz in order."""
        statement = (
            select(_ITEM.c.number, _ITEM.c.revision)
            .where(_ITEM.c.quiz_id == quiz_id)
            .order_by(_ITEM.c.position)
        )
        return [(number, revision) for number, revision in self._connection.execute(statement)]

    def banks(self, quiz_id: UUID) -> frozenset[str]:
        """Return the banks of a quiz's plan."""
        statement = select(_BANK.c.bank).where(_BANK.c.quiz_id == quiz_id)
        return frozenset(self._connection.execute(statement).scalars())

    def list_page(
        self, readable: Collection[str], cover_filter: CoverFilter, before: UUID | None, limit: int
    ) -> tuple[list[Quiz], int]:
        """Return at most `limit` quizzes, newest first, and how many match in all.

        Quizzes with a bank that is not readable are left out. `before` is the id of the last quiz
        of the previous page.
        """
        hidden = exists().where(_BANK.c.quiz_id == _QUIZ.c.id, _BANK.c.bank.not_in(readable))
        conditions: list[ColumnElement[bool]] = [~hidden]
        for column, value in zip(
            (_QUIZ.c.slug, _QUIZ.c.mode, _QUIZ.c.language), cover_filter, strict=True
        ):
            if value is not None:
                conditions.append(column == value)
        count = select(func.count()).select_from(_QUIZ).where(*conditions)
        total = self._connection.execute(count).scalar_one()
        page = select(_QUIZ).where(*conditions).order_by(_QUIZ.c.id.desc()).limit(limit)
        if before is not None:
            page = page.where(_QUIZ.c.id < before)
        rows = self._connection.execute(page)
        return [Quiz(**row._mapping) for row in rows], total  # noqa: SLF001 - as in `get`


_QUIZ = table_of(Quiz)
_ITEM = table_of(QuizItem)
_BANK = table_of(QuizBank)
_SLUG = table_of(QuizSlug)
