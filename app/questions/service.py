"""The rules of editing: who may change a question, in which state, and which errors they get."""

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from copy import copy
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.core import time_and_random
from app.core.errors import FieldError, Problem, invalid, not_found
from app.core.http.request_inputs import validated
from app.core.secrets import Secrets
from app.kinds import QuestionContent, content_values, give_item_ids
from app.questions import repository, validation, workflow
from app.questions.editor import Editor
from app.questions.schemas import PublishRequest
from app.questions.state import (
    PendingRevision,
    QuestionState,
    RevisionContent,
    Values,
    new_question,
)
from app.questions.unit_of_work import UnitOfWork
from app.questions.validation import TermCheck
from app.questions.views import STATUS_FIELDS, editing_view, revision_view
from app.questions.workflow import check_match

_ACTIONS = {
    "withdraw": workflow.withdraw,
    "archive": workflow.archive,
    "restore": workflow.restore,
}


class NewQuestion(NamedTuple):
    """A new question that passed all checks, with its content as its kind's type."""

    question: QuestionState
    content: QuestionContent


class _ConflictError(Exception):
    """The database refused a write that had passed the checks: another client was faster."""

    def __init__(self, question: QuestionState, content: QuestionContent, pointer: str) -> None:
        super().__init__(str(question.id))
        self.question, self.content, self.pointer = question, content, pointer


class QuestionService:
    """Edits questions in one transaction. `finish` must be the last call."""

    def __init__(
        self, session: Session, secrets: Secrets, editor: Editor, note: str | None = None
    ) -> None:
        """Edit in the session's transaction; each new revision gets `note`."""
        self.session = session
        self.editor = editor
        self.note = note
        self._unit_of_work = UnitOfWork(session, secrets, editor.key_id)
        self._terms = TermCheck(session)
        self._held: dict[UUID, QuestionState] = {}
        self._languages: dict[str, str | None] = {}
        self._in_savepoint = False

    def load_for_update(self, ids: Collection[UUID]) -> None:
        """Lock and load questions by id. Ids that do not exist are ignored."""
        repository.lock(self.session, ids)
        self._held |= repository.load(self.session, ids)

    def lock_external_ids(self, banks: Collection[str]) -> None:
        """Lock the banks concerned before several external ids are written.

        Two writers that give external ids in different orders could deadlock otherwise.
        """
        concerned = {*banks, *(question.bank for question in self._held.values())}
        for bank in sorted(concerned):
            if self.editor.may("questions:write", bank):
                repository.lock_bank(self.session, bank)

    def finish(self) -> None:
        """Publish and withdraw all changed questions; locks the edition clock."""
        self._unit_of_work.publish_changes()

    def view(self, question: QuestionState) -> Values:
        """Return the editing view that the editor may see."""
        answers = self.editor.may("answers:read", question.bank)
        view = editing_view(question, self._unit_of_work.renderer, answers=answers)
        if self.editor.may("questions:read", question.bank):
            return view
        return {name: view[name] for name in STATUS_FIELDS}

    def get(self, question_id: UUID, scope: str = "questions:read") -> QuestionState:
        """Return a question that the editor may see, without locking it; 404 or 403 otherwise."""
        question = repository.find(self.session, question_id)
        if question is None:
            raise not_found()
        self.editor.require(scope, question.bank)
        return question

    def revision(self, question: QuestionState, number: int) -> tuple[Row[Any], Values]:
        """Return one revision's row and its view; 404 if there is no such revision."""
        row = (
            repository.revision(self.session, question.id, number)
            if number <= question.revision
            else None
        )
        if row is None:
            raise not_found()
        answers = self.editor.may("answers:read", question.bank)
        saved = repository.revision_content(row)
        return row, revision_view(question, saved, self._unit_of_work.renderer, answers=answers)

    def check_changeable(
        self, question_id: UUID, scope: str, etag: str | None, *, required: bool = True
    ) -> None:
        """Check existence, scope and etag before the body is validated: 404, 403, 428 or 412."""
        check_match(self._load_locked(question_id, scope), etag, required=required)

    def create(self, body: Values, *, publish: bool, pointer: str = "") -> QuestionState:
        """Create a question and publish it if `publish` is true."""
        made = self.prepare(body, publish=publish, pointer=pointer)
        self._write(made.question, made.content, pointer, public=publish)
        return made.question

    def prepare(self, body: Values, *, publish: bool, pointer: str = "") -> NewQuestion:
        """Validate a new question and return it; nothing is written yet."""
        bank = validation.bank_of(body, pointer)
        self.editor.require("questions:write", bank)
        if publish:
            self.editor.require("questions:publish", bank)
        language = self._language(bank)
        if language is None:
            raise not_found()
        content = validation.new_content(body, language, pointer)
        external_id = validation.external_id(body, pointer)
        self._terms.check(content, pointer)
        give_item_ids([content])
        saved = RevisionContent(1, self._unit_of_work.now, content_values(content), content)
        question = new_question(
            time_and_random.uuid7(), bank, external_id, PendingRevision(saved, self.note)
        )
        self._check_external_id(question, pointer)
        if publish:
            workflow.publish(question, question.newest, self._unit_of_work.now)
        return NewQuestion(question, content)

    def write_batch(self, prepared: Sequence[NewQuestion]) -> bool:
        """Write new questions with different external ids together.

        Returns False, and writes nothing, if the database refuses one, because another client
        took an external id or deleted a term after the check.
        """
        questions = [each.question for each in prepared]
        try:
            with self.session.begin_nested():
                self._unit_of_work.write(questions)
        except IntegrityError:
            self._terms.forget()
            return False
        for question in questions:
            self._held[question.id] = question
            if question.live is not None:
                self._unit_of_work.mark_public_change(question)
        return True

    def update(
        self, question_id: UUID, body: Values, etag: str | None, *, publish: bool, pointer: str = ""
    ) -> QuestionState:
        """Save a merge patch as a new revision. Without `publish` the live revision stays."""
        question = self._load_locked(question_id, "questions:write")
        if publish:
            self.editor.require("questions:publish", question.bank)
        check_match(question, etag)
        language = self._language(question.bank) or "en"
        view = editing_view(question, self._unit_of_work.renderer, answers=True)
        content = validation.patched_content(question, view, body, language, pointer)
        if "external_id" in body:
            question.external_id = validation.external_id(body, pointer)
        self._terms.check(content, pointer)
        give_item_ids([content])
        if "external_id" in body:
            self._check_external_id(question, pointer)
        question.save(content, self._unit_of_work.now, self.note)
        if publish:
            workflow.publish(question, question.newest, self._unit_of_work.now)
        self._write(question, content, pointer, public=publish)
        return question

    def publish(
        self, question_id: UUID, etag: str | None, body: object = None, pointer: str = ""
    ) -> QuestionState:
        """Publish the newest revision, or the one that the body names."""
        question = self._load_locked(question_id, "questions:publish")
        check_match(question, etag)
        wanted = PublishRequest() if body is None else validated(PublishRequest, body)
        saved = self._revision(question, wanted.revision, pointer)
        workflow.publish(question, saved, self._unit_of_work.now)
        self._write(question, saved.content, pointer, public=True)
        return question

    def transition(
        self, question_id: UUID, action: str, etag: str | None, *, required: bool
    ) -> QuestionState:
        """Withdraw, archive or restore a question."""
        question = self._load_locked(question_id, "questions:publish")
        check_match(question, etag, required=required)
        was_live = question.live is not None
        _ACTIONS[action](question)
        self._unit_of_work.write([question])
        if was_live:
            self._unit_of_work.mark_public_change(question)
        return question

    def delete(self, question_id: UUID, etag: str | None) -> None:
        """Delete a question that was never published."""
        question = self._load_locked(question_id, "questions:write")
        check_match(question, etag)
        workflow.check_deletable(question)
        repository.remove(self.session, question_id)
        del self._held[question_id]

    def within_savepoint(
        self, question_id: UUID | None, change: Callable[[], QuestionState | None]
    ) -> QuestionState | None:
        """Run `change` in a savepoint; if it is refused, undo it in the database and in memory."""
        question = None if question_id is None else self._held.get(question_id)
        before = copy(question)
        self._in_savepoint = True
        try:
            with self.session.begin_nested():
                return change()
        except (Problem, _ConflictError) as error:
            # Before the question is restored: the explanation needs the values that were refused.
            refusal = error if isinstance(error, Problem) else self._conflict_problem(error)
            self._terms.forget()
            if question is not None and before is not None:
                # Restore in place: the unit of work holds a reference to this object.
                question.copy_from(before)
            raise refusal from (None if refusal is error else error)
        finally:
            self._in_savepoint = False

    def _language(self, bank: str) -> str | None:
        if bank not in self._languages:
            self._languages[bank] = repository.bank_language(self.session, bank)
        return self._languages[bank]

    def _load_locked(self, question_id: UUID, scope: str) -> QuestionState:
        if question_id not in self._held:
            self.load_for_update([question_id])
        question = self._held.get(question_id)
        if question is None:
            raise not_found()
        self.editor.require(scope, question.bank)
        return question

    def _revision(
        self, question: QuestionState, number: int | None, pointer: str
    ) -> RevisionContent:
        if number is None or number == question.revision:
            return question.newest
        location = f"{pointer}/revision"
        row = repository.revision(self.session, question.id, number)
        if row is None:
            detail = f"The question has the revisions 1 to {question.revision}."
            raise invalid(FieldError("invalid_value", detail, pointer=location))
        saved = repository.revision_content(row)
        missing = self._terms.missing(saved.content)
        if missing:
            detail = f"That revision has terms that were deleted: {', '.join(missing)}."
            raise invalid(FieldError("invalid_value", detail, pointer=location))
        return saved

    def _check_external_id(self, question: QuestionState, pointer: str) -> None:
        if question.external_id is None:
            return
        taker = repository.external_id_owner(self.session, question.bank, question.external_id)
        if taker is not None and taker != question.id:
            message = "Another question of the bank has this external id."
            location = f"{pointer}/external_id"
            error = FieldError("invalid_value", message, pointer=location)
            raise Problem("external_id_taken", message, [error], context={"id": str(taker)})

    def _write(
        self, question: QuestionState, content: QuestionContent, pointer: str, *, public: bool
    ) -> None:
        try:
            with nullcontext() if self._in_savepoint else self.session.begin_nested():
                self._unit_of_work.write([question])
        except IntegrityError as error:
            conflict = _ConflictError(question, content, pointer)
            if self._in_savepoint:
                raise conflict from error
            raise self._conflict_problem(conflict) from error
        self._held[question.id] = question
        if public:
            self._unit_of_work.mark_public_change(question)

    def _conflict_problem(self, error: _ConflictError) -> Problem:
        """Return the problem to report after the savepoint was rolled back."""
        self._terms.forget()
        try:
            self._check_external_id(error.question, error.pointer)
            self._terms.check(error.content, error.pointer)
        except Problem as problem:
            return problem
        message = "Something that the question refers to changed meanwhile; nothing was written."
        return Problem("overloaded", message, headers={"Retry-After": "1"})
