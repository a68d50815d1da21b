"""The indexing context: which banks are indexed, the names of terms, and the synonyms.

Takes a database session; gives one consistent snapshot of the rules by which questions are
indexed.
"""

from typing import Protocol

from sqlmodel import Session

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import AnswerRight
from app.core.db.edition_clock import read_mark
from app.core.settings import Settings
from app.search.engine import Synonyms
from app.search.synonyms.snapshot import SynonymSnapshot
from app.search.text.documents import term_texts
from app.taxonomy.vocabulary import Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot


class SynonymLoader(Protocol):
    """Loads the editors' synonyms and caches them."""

    @property
    def current(self) -> Synonyms:
        """The synonyms of the last load."""

    def load(self, session: Session) -> None:
        """Read the synonyms from the database."""


class IndexingContext:
    """A snapshot of rules and names for one thread that writes an index.

    `config_version` is the version of the configuration that was read, -1 before the first
    `refresh`. `banks` maps each bank to index to whether its answers are indexed. `term_texts`
    maps "vocabulary/slug" to the text that the term adds. `answer_right` permits reading the
    answers, None where no bank allows it.
    """

    def __init__(self, settings: Settings, synonyms: SynonymLoader | None = None) -> None:
        """Start empty; the first `refresh` loads everything."""
        self._access = AccessSnapshot(settings)
        self._vocabularies = VocabularySnapshot()
        self._synonyms = synonyms or SynonymSnapshot()
        self.config_version = -1
        self.term_texts: dict[str, str] = {}
        self.banks: dict[str, bool] = {}
        self.answer_right: AnswerRight | None = None

    @property
    def vocabularies(self) -> Vocabularies:
        """The categories, companies and tags."""
        return self._vocabularies.current

    @property
    def synonyms(self) -> Synonyms:
        """The editors' synonyms."""
        return self._synonyms.current

    def refresh(self, session: Session) -> bool:
        """Reload everything if the configuration changed; return whether it did."""
        mark = read_mark(session)
        if mark.config_version == self.config_version:
            return False
        self._access.load(session)
        self._vocabularies.load(session)
        self._synonyms.load(session)
        rights = self._access.rights
        self.answer_right = rights.indexing_right()
        answer_banks = self.answer_right.banks if self.answer_right else frozenset()
        self.banks = {
            slug: slug in answer_banks
            for slug, bank in rights.banks.items()
            if bank.exposure == "open"
        }
        self.term_texts = term_texts(self.vocabularies)
        self.config_version = mark.config_version
        return True
