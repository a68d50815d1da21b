"""Saving many questions at once, and rendering all of them again."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import text

from app.core.db.database import Database
from app.core.secrets import Secrets
from app.kinds import KINDS, QuestionContent, parse_content
from app.questions import repository
from app.questions.bulk_edit import BulkEdit, save_many
from app.questions.render_all import NOTE, render_all
from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term
from tests.questions.examples import BODIES
from tests.support.publications import make_bank

SECRETS = Secrets(("a secret of at least thirty-two characters",))


@pytest.fixture
def bank(database: Database) -> str:
    make_bank(database)
    with database.write() as session:
        create_terms(
            session,
            [
                (name, Term(slug, slug.upper(), "", ()))
                for name in ("categories", "companies", "tags")
                for slug in ("a", "b")
            ],
        )
    return "science"


def content(kind: str = "true_false", **changes: Any) -> QuestionContent:
    return parse_content(BODIES[kind] | {"language": "en"} | changes)


def save(database: Database, *edits: BulkEdit, note: str | None = None) -> list[UUID]:
    with database.write() as session:
        repository.lock(session, [edit.id for edit in edits if edit.id is not None])
        return save_many(session, SECRETS, edits, None, note)


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.connection().execute(text(statement))]


def live(database: Database) -> dict[str, dict[str, Any]]:
    found = rows(database, "SELECT body FROM documents JOIN published USING (number, revision)")
    documents = [orjson.loads(bytes(body)) for (body,) in found]
    return {document["id"]: document for document in documents}


def test_new_and_changed_questions_of_every_kind_are_saved_and_published(
    database: Database, bank: str
) -> None:
    made = save(
        database,
        *(BulkEdit(None, bank, f"e-{kind}", content(kind), publish=True) for kind in KINDS),
        BulkEdit(None, bank, None, content(stem="A draft."), publish=False),
    )
    assert len(set(made)) == len(KINDS) + 1
    assert set(live(database)) == {str(question_id) for question_id in made[:-1]}
    save(
        database,
        BulkEdit(made[0], bank, None, content(KINDS[0], points=2), publish=True),
        BulkEdit(made[1], bank, "renamed", content(KINDS[1], points=3), publish=False),
        BulkEdit(made[-1], bank, None, None, publish=True),
        note="again",
    )
    documents = live(database)
    assert documents[str(made[0])]["points"] == 2
    assert documents[str(made[1])]["points"] == 1
    assert str(made[-1]) in documents
    with database.read() as session:
        found = repository.load(session, made)
    assert found[made[0]].external_id == f"e-{KINDS[0]}"
    assert found[made[1]].external_id == "renamed"
    assert (found[made[1]].revision, found[made[1]].published_revision) == (2, 1)
    assert (found[made[-1]].revision, found[made[-1]].published_revision) == (1, 1)
    notes = rows(database, "SELECT note FROM revisions WHERE number = 2")
    assert notes == [("again",), ("again",)]


def test_publishing_the_live_revision_again_changes_nothing(database: Database, bank: str) -> None:
    made = save(database, BulkEdit(None, bank, None, content(), publish=True))
    before = rows(database, "SELECT seq FROM published")
    save(database, BulkEdit(made[0], bank, None, None, publish=True))
    assert rows(database, "SELECT seq FROM published") == before


def test_references_follow_the_newest_and_the_live_revision(database: Database, bank: str) -> None:
    evidence = {"a": {"source": "s", "first_seen": "2026-01-01", "times_seen": 4}}
    first = content(tags=["a"], companies=["a"], evidence=evidence, categories=["a"])
    (made,) = save(database, BulkEdit(None, bank, None, first, publish=True))
    save(database, BulkEdit(made, bank, None, content(tags=["b"], companies=["a"]), publish=False))
    tags = "SELECT slug, in_draft, in_live FROM question_tags ORDER BY slug"
    companies = "SELECT slug, in_draft, in_live, source, times_seen FROM question_companies"
    assert rows(database, tags) == [("a", False, True), ("b", True, False)]
    assert rows(database, companies) == [("a", True, True, "s", 4)]
    save(database, BulkEdit(made, bank, None, None, publish=True))
    assert rows(database, tags) == [("b", True, True)]
    assert rows(database, companies) == [("a", True, True, None, None)]
    assert rows(database, "SELECT slug FROM question_categories") == []


def test_rendering_all_questions_again_keeps_documents_and_drafts(
    database: Database, bank: str
) -> None:
    made = save(
        database,
        BulkEdit(None, bank, None, content(stem="Live."), publish=True),
        BulkEdit(None, bank, None, content(stem="Live, edited."), publish=True),
        BulkEdit(None, bank, None, content(stem="Draft."), publish=False),
    )
    save(database, BulkEdit(made[1], bank, None, content(stem="Newer."), publish=False))
    before = live(database)
    other = Secrets(("another secret, thirty-two characters",))
    assert render_all(database, other) == 2
    after = live(database)
    volatile = {"revision", "updated_at"}
    for question_id, document in before.items():
        same = {name: value for name, value in document.items() if name not in volatile}
        assert same.items() <= after[question_id].items()
        assert after[question_id]["revision"] > document["revision"]
    assert len(rows(database, "SELECT number FROM documents")) == 4
    with database.read() as session:
        found = repository.load(session, made)
    assert found[made[0]].live is found[made[0]].newest
    edited = found[made[1]]
    assert (edited.revision, edited.published_revision) == (4, 3)
    assert edited.newest.values["stem"] == "Newer."
    assert found[made[2]].revision == 1
    assert rows(database, f"SELECT count(*) FROM revisions WHERE note = '{NOTE}'") == [(3,)]
