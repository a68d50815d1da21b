"""Creates quizzes and loads them. A quiz never changes after its creation."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import body_key
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
class LoadedQuiz:
    """A quiz: its cover, the body keys of its questions in order, the banks of its plan."""

    cover: Quiz
    body_keys: tuple[int, ...]
    banks: frozenset[str]


def create_quiz(session: Session, catalog: Catalog, caller: Caller, body: QuizCreate) -> UUID:
    """Insert a quiz and return its id; a slug names the new quiz afterwards.

    Problem as in `select_questions`, and slug_taken.
    """
    selection = select_questions(catalog, caller, body)
    quiz = _quiz(catalog, body, selection)
    repository = QuizRepository(session.connection())
    repository.add(quiz, selection.items, selection.banks)
    if quiz.slug is not None:
        _assign_slug(session, repository, catalog, caller, quiz)
        # Worker processes cache slugs for as long as the edition stays.
        bump_config(session)
    return quiz.id


def load_quiz(session: Session, reference: UUID | str) -> LoadedQuiz | None:
    """Return a quiz by its id or slug, None if it does not exist."""
    repository = QuizRepository(session.connection())
    quiz_id = reference if isinstance(reference, UUID) else repository.find_slug(reference)
    quiz = None if quiz_id is None else repository.get(quiz_id)
    if quiz is None:
        return None
    keys = tuple(body_key(number, revision) for number, revision in repository.items(quiz.id))
    return LoadedQuiz(quiz, keys, repository.banks(quiz.id))


def _assign_slug(
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


def _quiz(catalog: Catalog, body: QuizCreate, selection: Selection) -> Quiz:
    languages = {catalog.rights.banks[bank].language for bank in selection.banks}
    return Quiz(
        id=time_and_random.uuid7(),
        slug=body.slug,
        title=body.title,
        description=body.description,
        language=body.language or (languages.pop() if len(languages) == 1 else None),
        mode=body.mode,
        draw=body.draw,
        settings=body.settings.model_dump(mode="json"),
        question_count=len(selection.items),
        created_at=time_and_random.now(),
    )
