"""What a transaction does with questions: writes set by set, and lets all of it go public last."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from app.core import time_and_random
from app.core.secrets import Secrets
from app.published.publishing import put, withdraw
from app.questions import repository
from app.questions.rendering import Renderer
from app.questions.row_writer import persist
from app.questions.state import Held


class Ledger:
    """Gathers the questions that go public or leave it until `go_public`, which locks the clock."""

    def __init__(self, session: Session, secrets: Secrets, by: UUID | None) -> None:
        """Write in the session's transaction, in the name of a key."""
        self.session = session
        self.now = time_and_random.milliseconds()
        self.renderer = Renderer(secrets)
        self._by = by
        self._going: dict[UUID, Held] = {}
        self._leaving: dict[UUID, Held] = {}

    def write(self, helds: Sequence[Held]) -> None:
        """Write what has changed of questions that are locked or new."""
        persist(self.session, helds, self._by)

    def note_public(self, held: Held) -> None:
        """Remember that a question's live revision changed, or that it has none any more."""
        here, there = self._going, self._leaving
        if held.live is None:
            here, there = there, here
        there.pop(held.id, None)
        here[held.id] = held

    def go_public(self) -> None:
        """Put and withdraw what was noted; nothing may be locked after it."""
        if self._leaving:
            withdraw(self.session, sorted(self._leaving))
        going = self._going.values()
        numbers = repository.numbers(self.session, [held.id for held in going if held.once_public])
        put(
            self.session,
            [self.renderer.publication(held, numbers.get(held.id)) for held in going],
        )
        self._going, self._leaving = {}, {}
