"""`quizwell render`: renders all published questions again, after the renderer changed."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from app.core.db.database import Database
from app.core.secrets import Secrets
from app.questions import repository
from app.questions.live_and_draft import change_live_and_draft
from app.questions.repository import QUESTION
from app.questions.state import Values
from app.questions.unit_of_work import UnitOfWork

CHUNK_QUESTIONS = 100
NOTE = "rendered again"


def render_all(database: Database, secrets: Secrets) -> int:
    """Render every published question again and return how many there were.

    Rendered documents never change, because quizzes and receipts refer to them by number and
    revision. So each question gets a new revision with the same content and a note, which is
    published; a newer draft is saved again after it. Transactions are short, and the command can
    be run again after a kill.
    """
    rendered = 0
    after: UUID | None = None
    while True:
        with database.write() as session:
            ids = _live_after(session, after)
            repository.lock(session, ids)
            unit_of_work = UnitOfWork(session, secrets, None)
            found = repository.load(session, ids)
            questions = [question for question in found.values() if question.live is not None]
            for question in questions:
                change_live_and_draft(question, _unchanged, unit_of_work.now, NOTE, live=True)
                unit_of_work.mark_public_change(question)
            unit_of_work.write(questions)
            unit_of_work.publish_changes()
        if not ids:
            return rendered
        rendered += len(questions)
        after = ids[-1]
        if database.write_lock is not None:
            database.write_lock.let_others_write()


def _live_after(session: Session, after: UUID | None) -> list[UUID]:
    statement = select(QUESTION.c.id).where(QUESTION.c.state == "published")
    if after is not None:
        statement = statement.where(QUESTION.c.id > after)
    ordered = statement.order_by(QUESTION.c.id).limit(CHUNK_QUESTIONS)
    return list(session.connection().execute(ordered).scalars())


def _unchanged(values: Values) -> Values:
    return values
