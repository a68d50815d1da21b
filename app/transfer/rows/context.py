"""What an import needs to know about its bank, read once at the start of each phase."""

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
class Context:
    """The bank and its language, the terms that exist, what the sender wants and who it is."""

    bank: str
    language: str
    vocabularies: Vocabularies
    file_format: Format
    publish: bool
    create_terms: bool
    by: UUID | None


def load_context(session: Session, job: ImportJob) -> Context | None:
    """Return a job's context; None when its bank does not exist any more."""
    bank = session.get(Bank, job.bank)
    if bank is None:
        return None
    glossary = VocabularySnapshot()
    glossary.load(session)
    return Context(
        bank=bank.slug,
        language=bank.language,
        vocabularies=glossary.current,
        file_format=FORMATS[job.file_format],
        publish=job.target == "published",
        create_terms=job.create_terms,
        by=job.key_id,
    )
