"""`quizwell render`: renders everything that is live anew, after the renderer changed."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from app.core.db.database import Database
from app.core.secrets import Secrets
from app.questions import repository
from app.questions.renewing import renew
from app.questions.repository import QUESTION
from app.questions.state import Values
from app.questions.unit_of_work import Ledger

CHUNK = 100
NOTE = "rendered anew"


def render_all(database: Database, secrets: Secrets) -> int:
    """Render every live question anew and return how many there were.

    A document never changes once it is written: quizzes and receipts hold on to it by number and
    revision. So each question gets a new revision with the content of the live one and a note,
    which goes live; a draft that is newer stays the newest, saved once more. Short transactions:
    one that was killed halfway can be run again.
    """
    done = 0
    after: UUID | None = None
    while True:
        with database.write() as session:
            ids = _live_after(session, after)
            repository.lock(session, ids)
            ledger = Ledger(session, secrets, None)
            found = repository.load(session, ids)
            helds = [held for held in found.values() if held.live is not None]
            for held in helds:
                renew(held, _unchanged, ledger.now, NOTE, live=True)
                ledger.note_public(held)
            ledger.write(helds)
            ledger.go_public()
        if not ids:
            return done
        done += len(helds)
        after = ids[-1]
        if database.write_lock is not None:
            database.write_lock.stand_back()


def _live_after(session: Session, after: UUID | None) -> list[UUID]:
    statement = select(QUESTION.c.id).where(QUESTION.c.state == "published")
    if after is not None:
        statement = statement.where(QUESTION.c.id > after)
    ordered = statement.order_by(QUESTION.c.id).limit(CHUNK)
    return list(session.connection().execute(ordered).scalars())


def _unchanged(values: Values) -> Values:
    return values
