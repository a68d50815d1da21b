"""A worker's snapshot of the vocabularies, reloaded when the edition changes."""

from sqlmodel import Session

from app.taxonomy import repository
from app.taxonomy.vocabulary import VOCABULARIES, Vocabularies, Vocabulary


class VocabularySnapshot:
    """Holds the terms that the follower loaded last."""

    def __init__(self) -> None:
        """Start without terms."""
        self.current = Vocabularies(Vocabulary(), Vocabulary(), Vocabulary())

    def load(self, session: Session) -> None:
        """Load all terms and replace the snapshot."""
        self.current = Vocabularies(
            **{name: Vocabulary(repository.all_terms(session, name)) for name in VOCABULARIES}
        )
