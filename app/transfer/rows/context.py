"""The data that an import needs beside its file, read at the start of each phase."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from app.access.models import Bank
from app.taxonomy.vocabulary import Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from app.transfer.formats import FORMATS
from app.transfer.formats.rows import Format
from app.transfer.models import ImportJob


@dataclass(frozen=True, slots=True)
class ImportContext:
    """The bank and its language, all terms, the options of the import, and the key that sent it."""

    bank: str
    language: str
    vocabularies: Vocabularies
    file_format: Format
    publish: bool
    create_terms: bool
    key_id: UUID | None


def load_context(session: Session, job: ImportJob) -> ImportContext | None:
    """Return a job's context; None if its bank was deleted."""
    bank = session.get(Bank, job.bank)
    if bank is None:
        return None
    vocabulary_snapshot = VocabularySnapshot()
    vocabulary_snapshot.load(session)
    return ImportContext(
        bank=bank.slug,
        language=bank.language,
        vocabularies=vocabulary_snapshot.current,
        file_format=FORMATS[job.file_format],
        publish=job.target == "published",
        create_terms=job.create_terms,
        key_id=job.key_id,
    )
