"""Collects what a transaction changes in questions, and publishes it at the end."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from app.core import time_and_random
from app.core.secrets import Secrets
from app.published.publishing import publish, withdraw
from app.questions import repository
from app.questions.rendering import Renderer
from app.questions.row_writer import write_questions
from app.questions.state import QuestionState


class UnitOfWork:
    """Writes questions and collects those to publish or withdraw.

    `publish_changes` locks the edition clock, so it must be the last call (app/core/db/lock_order).
    """

    def __init__(self, session: Session, secrets: Secrets, by: UUID | None) -> None:
        """Write in the session's transaction; `by` is the key that saves the revisions."""
        self.session = session
        self.now = time_and_random.milliseconds()
        self.renderer = Renderer(secrets)
        self._by = by
        self._to_publish: dict[UUID, QuestionState] = {}
        self._to_withdraw: dict[UUID, QuestionState] = {}

    def write(self, questions: Sequence[QuestionState]) -> None:
        """Write the changes of questions that are new or locked."""
        write_questions(self.session, questions, self._by)

    def mark_public_change(self, question: QuestionState) -> None:
        """Register that the live revision of a question changed or was withdrawn."""
        self._to_publish.pop(question.id, None)
        self._to_withdraw.pop(question.id, None)
        changes = self._to_withdraw if question.live is None else self._to_publish
        changes[question.id] = question

    def publish_changes(self) -> None:
        """Publish and withdraw the registered questions."""
        if self._to_withdraw:
            withdraw(self.session, sorted(self._to_withdraw))
        published = list(self._to_publish.values())
        numbers = repository.numbers(
            self.session, [question.id for question in published if question.was_public]
        )
        publish(
            self.session,
            [
                self.renderer.publication(question, numbers.get(question.id))
                for question in published
            ],
        )
        self._to_publish, self._to_withdraw = {}, {}
