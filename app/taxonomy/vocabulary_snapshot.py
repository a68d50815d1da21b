"""A worker's live snapshot of the vocabularies."""

from sqlmodel import Session

from app.taxonomy import repository
from app.taxonomy.vocabulary import VOCABULARIES, Vocabularies, Vocabulary


class Glossary:
    """Holds the terms that the follower read last."""

    def __init__(self) -> None:
        """Start without terms."""
        self.current = Vocabularies(Vocabulary(), Vocabulary(), Vocabulary())

    def load(self, session: Session) -> None:
        """Read every term anew and put them in place at once."""
        self.current = Vocabularies(
            **{name: Vocabulary(repository.all_terms(session, name)) for name in VOCABULARIES}
        )
