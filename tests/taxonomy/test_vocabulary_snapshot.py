"""Creating terms in bulk, and a worker's snapshot of them."""

import pytest
from sqlmodel import Session

from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.errors import Problem
from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term, Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

TERMS = [
    ("categories", Term("boosting", "Boosting", "", ("GBM",), parent="ensembles")),
    ("categories", Term("ensembles", "Ensembles", "Many models.", (), parent="models")),
    ("categories", Term("models", "Models", "", ())),
    ("companies", Term("facebook", "Facebook", "", ("Meta",))),
    ("tags", Term("viva", "Viva", "", (), group="format")),
]


def _loaded(session: Session) -> Vocabularies:
    vocabularies = VocabularySnapshot()
    vocabularies.load(session)
    return vocabularies.current


def test_terms_created_in_any_order_are_in_the_snapshot(database: Database) -> None:
    with database.write() as session:
        create_terms(session, TERMS)
    with database.read() as session:
        current = _loaded(session)
    for vocabulary, term in TERMS:
        assert getattr(current, vocabulary).terms[term.slug] == term
    assert current.categories.subtree("models") == {"models", "ensembles", "boosting"}
    assert current.companies.resolve("meta") == "facebook"


def test_existing_terms_are_skipped_and_the_clock_advances_once(database: Database) -> None:
    def run() -> int:
        with database.write() as session:
            create_terms(session, TERMS)
        with database.read() as session:
            return read_mark(session).config_version

    first = run()
    assert run() == first
    with database.write() as session:
        create_terms(session, [("companies", Term("meta", "Other", "", ()))])
        assert read_mark(session).config_version == first
        assert "meta" not in _loaded(session).companies.terms


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ([("companies", Term("fb", "Meta", "", ()))], "name_taken"),
        ([("tags", Term("a", "Same", "", ())), ("tags", Term("b", "same", "", ()))], "name_taken"),
        ([("categories", Term("x", "X", "", (), parent="none"))], "invalid_request"),
        (
            [
                ("categories", Term("x", "X", "", (), parent="y")),
                ("categories", Term("y", "Y", "", (), parent="x")),
            ],
            "invalid_request",
        ),
    ],
)
def test_conflicting_terms_are_refused_together(
    database: Database, terms: list[tuple[str, Term]], code: str
) -> None:
    with database.write() as session:
        create_terms(session, TERMS)
    with pytest.raises(Problem) as refused, database.write() as session:
        create_terms(session, [("tags", Term("fresh", "Fresh", "", ())), *terms])
    assert refused.value.code == code
    with database.read() as session:
        assert set(_loaded(session).tags.terms) == {"viva"}
