"""Makes quizzes and finds them again; each is fixed for ever when it is made."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import key_of
from app.catalog.service import Catalog
from app.core import time_and_random
from app.core.db.edition_clock import bump_config
from app.core.db.lock_order import check_lock_order
from app.core.errors import Problem
from app.quizzes.models import Quiz
from app.quizzes.repository import QuizRepository
from app.quizzes.schemas import QuizCreate
from app.quizzes.selection import SCOPE, Selection, select_questions


@dataclass(frozen=True, slots=True)
class KnownQuiz:
    """A quiz as it was made: cover, (number, revision) pairs in order, banks of its plan."""

    cover: Quiz
    keys: tuple[int, ...]
    banks: frozenset[str]


def create_quiz(session: Session, catalog: Catalog, caller: Caller, wanted: QuizCreate) -> UUID:
    """Add a quiz and return its id; with a slug it becomes the newest of that line.

    Problem as `select_questions`, slug_taken.
    """
    selection = select_questions(catalog, caller, wanted)
    quiz = _quiz(catalog, wanted, selection)
    repository = QuizRepository(session.connection())
    repository.add(quiz, selection.items, selection.banks)
    if quiz.slug is not None:
        _take_slug(session, repository, catalog, caller, quiz)
        # Workers remember where slugs point for as long as the edition stays.
        bump_config(session)
    return quiz.id


def load_quiz(session: Session, reference: UUID | str) -> KnownQuiz | None:
    """Return a quiz by its id, or the newest of a line by its slug."""
    repository = QuizRepository(session.connection())
    quiz_id = reference if isinstance(reference, UUID) else repository.find_slug(reference)
    quiz = None if quiz_id is None else repository.get(quiz_id)
    if quiz is None:
        return None
    keys = tuple(key_of(number, revision) for number, revision in repository.items(quiz.id))
    return KnownQuiz(quiz, keys, repository.banks(quiz.id))


def _take_slug(
    session: Session, repository: QuizRepository, catalog: Catalog, caller: Caller, quiz: Quiz
) -> None:
    check_lock_order(session)
    slug = quiz.slug or ""
    current = repository.claim_slug(slug, quiz.id)
    if current is None:
        return
    if not repository.banks(current) <= catalog.rights.with_scope(caller, SCOPE):
        message = "The slug names a quiz over banks that this key may not write quizzes for."
        raise Problem("slug_taken", message)
    repository.move_slug(slug, quiz.id)


def _quiz(catalog: Catalog, wanted: QuizCreate, selection: Selection) -> Quiz:
    languages = {catalog.rights.banks[bank].language for bank in selection.banks}
    return Quiz(
        id=time_and_random.uuid7(),
        slug=wanted.slug,
        title=wanted.title,
        description=wanted.description,
        language=wanted.language or (languages.pop() if len(languages) == 1 else None),
        mode=wanted.mode,
        draw=wanted.draw,
        settings=wanted.settings.model_dump(mode="json"),
        question_count=len(selection.items),
        created_at=time_and_random.now(),
    )
