"""Makes the ready-made quizzes of a seed; a line that has a quiz already is left as it is."""

from collections.abc import Sequence
from pathlib import Path

import orjson
from sqlmodel import Session

from app.access.rights import Caller
from app.catalog.service import Catalog
from app.quizzes.repository import QuizRepository
from app.quizzes.schemas import QuizCreate
from app.quizzes.service import create_quiz

# Whoever runs the command line on the host may do everything.
OPERATOR = Caller(kind="secret", scopes=frozenset({"admin"}), banks=None)


def read_quizzes(path: Path) -> list[QuizCreate]:
    """Return the quizzes of a file; pydantic's ValidationError when one is not valid."""
    return [QuizCreate.model_validate(values) for values in orjson.loads(path.read_bytes())]


def make_quizzes(session: Session, catalog: Catalog, wanted: Sequence[QuizCreate]) -> int:
    """Make those whose slug names nothing yet, and return how many.

    Problem as `create_quiz`.
    """
    repository = QuizRepository(session.connection())
    missing = [
        quiz for quiz in wanted if quiz.slug is None or repository.find_slug(quiz.slug) is None
    ]
    for quiz in missing:
        create_quiz(session, catalog, OPERATOR, quiz)
    return len(missing)
