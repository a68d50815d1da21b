"""Creates the quizzes of the seed bank, except those whose slug exists."""

from collections.abc import Sequence
from pathlib import Path

import orjson
from sqlmodel import Session

from app.access.rights import Caller
from app.catalog.service import Catalog
from app.quizzes.repository import QuizRepository
from app.quizzes.schemas import QuizCreate
from app.quizzes.service import create_quiz

# The command line runs with all rights.
OPERATOR = Caller(kind="secret", scopes=frozenset({"admin"}), banks=None)


def read_quizzes(path: Path) -> list[QuizCreate]:
    """Return the quizzes of a JSON file; pydantic.ValidationError if one is not valid."""
    return [QuizCreate.model_validate(values) for values in orjson.loads(path.read_bytes())]


def make_quizzes(session: Session, catalog: Catalog, quizzes: Sequence[QuizCreate]) -> int:
    """Create the quizzes whose slug does not exist, and return how many.

    Problem as in `create_quiz`.
    """
    repository = QuizRepository(session.connection())
    missing = [
        quiz for quiz in quizzes if quiz.slug is None or repository.find_slug(quiz.slug) is None
    ]
    for quiz in missing:
        create_quiz(session, catalog, OPERATOR, quiz)
    return len(missing)
