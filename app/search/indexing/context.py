"""What decides how questions are indexed: the banks' rules, the names of terms, the synonyms."""

from typing import Protocol

from sqlmodel import Session

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import AnswerRight
from app.core.db.edition_clock import read_mark
from app.core.settings import Settings
from app.search.engine import Synonyms
from app.search.synonyms.snapshot import Thesaurus
from app.search.text.documents import term_texts
from app.taxonomy.vocabulary import Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot


class SynonymLoader(Protocol):
    """What keeps the editors' synonyms in memory."""

    @property
    def current(self) -> Synonyms:
        """The synonyms that were read last."""

    def load(self, session: Session) -> None:
        """Read them anew."""


class Knowledge:
    """A snapshot of rules and names, of the mirroring thread; `config_version` is the clock's."""

    def __init__(self, settings: Settings, synonyms: SynonymLoader | None = None) -> None:
        """Start without anything: the first `refresh` reads it."""
        self._access = AccessSnapshot(settings)
        self._glossary = VocabularySnapshot()
        self._synonyms = synonyms or Thesaurus()
        self.config_version = -1
        self.texts: dict[str, str] = {}
        self.banks: dict[str, bool] = {}
        self.right: AnswerRight | None = None

    @property
    def vocabularies(self) -> Vocabularies:
        """The terms."""
        return self._glossary.current

    @property
    def synonyms(self) -> Synonyms:
        """The editors' synonyms."""
        return self._synonyms.current

    def refresh(self, session: Session) -> bool:
        """Read everything anew if the config version moved; return whether they did.

        Afterwards `banks` holds the banks to index, each with whether its answers are indexed.
        """
        version = read_mark(session).config_version
        if version == self.config_version:
            return False
        self._access.load(session)
        self._glossary.load(session)
        self._synonyms.load(session)
        rights = self._access.rights
        self.right = rights.indexing_right()
        indexed = self.right.banks if self.right else frozenset()
        self.banks = {
            slug: slug in indexed for slug, bank in rights.banks.items() if bank.exposure == "open"
        }
        self.texts = term_texts(self.vocabularies)
        self.config_version = version
        return True
