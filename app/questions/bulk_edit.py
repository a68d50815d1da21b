"""Saves many questions at once, for imports and operations on a whole bank."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from app.core import time_and_random
from app.core.db.bulk_insert import IdConverter
from app.core.secrets import Secrets
from app.kinds import QuestionContent, content_values, give_item_ids
from app.published.publishing import Publication, publish
from app.questions import repository
from app.questions.rendering import Renderer
from app.questions.row_writer import Rows, insert_rows_of_new, rows_of_new
from app.questions.state import PendingRevision, QuestionState, RevisionContent, new_question
from app.questions.unit_of_work import UnitOfWork


class BulkEdit(NamedTuple):
    """One question to create or change.

    `id` is None for a new question. Without `content` the newest revision is published.
    An `external_id` of None keeps the current one.
    """

    id: UUID | None
    bank: str
    external_id: str | None
    content: QuestionContent | None
    publish: bool


class PreparedQuestions(NamedTuple):
    """New questions as table rows, and the rendered publications of those to publish.

    `banks` are the banks in which one of them has an external id.
    """

    banks: frozenset[str]
    rows: Rows
    publications: list[Publication]


def prepare_new(
    secrets: Secrets, edits: Sequence[BulkEdit], by: UUID | None, note: str | None, key: IdConverter
) -> PreparedQuestions:
    """Prepare new questions before the transaction begins; it takes as long as writing them.

    Each edit has a content and no id. Options without an id get one.
    """
    give_item_ids(edit.content for edit in edits if edit.content is not None)
    renderer = Renderer(secrets)
    now = time_and_random.milliseconds()
    questions, publications = [], []
    for edit in edits:
        question = _new_question(edit, now, note)
        questions.append(question)
        if edit.publish:
            question.publish(question.newest, now)
            publications.append(renderer.publication(question, None))
    return PreparedQuestions(
        _banks_with_external_ids(questions), rows_of_new(questions, key, by), publications
    )


def write_new(session: Session, new: PreparedQuestions) -> None:
    """Write prepared questions; `publish_new` publishes them."""
    _lock_banks(session, new.banks)
    insert_rows_of_new(session.connection(), new.rows)


def publish_new(session: Session, new: PreparedQuestions) -> None:
    """Publish the prepared publications; locks the edition clock, so call it last."""
    publish(session, new.publications)


def save_many(
    session: Session,
    secrets: Secrets,
    edits: Sequence[BulkEdit],
    by: UUID | None,
    note: str | None,
) -> list[UUID]:
    """Save and publish questions and return their ids in order. Options without an id get one.

    The caller has validated contents, terms and external ids, and locked existing questions by
    id. Locks the edition clock if something is published, so call it last.
    """
    known = repository.load(session, {edit.id for edit in edits if edit.id is not None})
    give_item_ids(edit.content for edit in edits if edit.content is not None)
    unit_of_work = UnitOfWork(session, secrets, by)
    questions = [_apply_edit(unit_of_work, known, edit, note) for edit in edits]
    _lock_banks(session, _banks_with_external_ids(questions))
    unit_of_work.write(list({question.id: question for question in questions}.values()))
    unit_of_work.publish_changes()
    return [question.id for question in questions]


def _apply_edit(
    unit_of_work: UnitOfWork, known: dict[UUID, QuestionState], edit: BulkEdit, note: str | None
) -> QuestionState:
    if edit.id is None:
        question = _new_question(edit, unit_of_work.now, note)
    else:
        question = known[edit.id]
        if edit.external_id is not None:
            question.external_id = edit.external_id
        if edit.content is not None:
            question.save(edit.content, unit_of_work.now, note)
    if edit.publish and question.live is not question.newest:
        question.publish(question.newest, unit_of_work.now)
        unit_of_work.mark_public_change(question)
    return question


def _banks_with_external_ids(questions: Sequence[QuestionState]) -> frozenset[str]:
    return frozenset(question.bank for question in questions if question.external_id is not None)


def _lock_banks(session: Session, banks: Iterable[str]) -> None:
    for bank in sorted(banks):
        repository.lock_bank(session, bank)


def _new_question(edit: BulkEdit, now: int, note: str | None) -> QuestionState:
    content = edit.content
    if content is None:
        message = "an edit needs an id, a content, or both"
        raise ValueError(message)
    revision = RevisionContent(1, now, content_values(content), content)
    return new_question(
        time_and_random.uuid7(), edit.bank, edit.external_id, PendingRevision(revision, note)
    )
