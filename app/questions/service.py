"""The rules of editing: what may be done to a question, by whom, and how it is refused."""

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
from app.questions.state import Entry, Held, Saved, Values, new_question
from app.questions.unit_of_work import Ledger
from app.questions.validation import TermCheck
from app.questions.views import PLACE_FIELDS, editing_view, revision_view
from app.questions.workflow import check_match

_ACTIONS = {
    "withdraw": workflow.withdraw,
    "archive": workflow.archive,
    "restore": workflow.restore,
}


class Prepared(NamedTuple):
    """A new question that may be written, with its content as its kind's type."""

    held: Held
    content: QuestionContent


class _OvertakenError(Exception):
    """What was checked does not hold any more: the tables refused what was to be written."""

    def __init__(self, held: Held, content: QuestionContent, pointer: str) -> None:
        super().__init__(str(held.id))
        self.held, self.content, self.pointer = held, content, pointer


class QuestionService:
    """Edits questions in one transaction; `finish` is the last thing that is called."""

    def __init__(
        self, session: Session, secrets: Secrets, editor: Editor, note: str | None = None
    ) -> None:
        """Edit in the session's transaction; `note` stands at each revision from then on."""
        self.session = session
        self.editor = editor
        self.note = note
        self._ledger = Ledger(session, secrets, editor.key_id)
        self._terms = TermCheck(session)
        self._held: dict[UUID, Held] = {}
        self._languages: dict[str, str | None] = {}
        self._in_savepoint = False

    def hold(self, ids: Collection[UUID]) -> None:
        """Lock questions by id and read them; those that do not exist are passed over."""
        repository.lock(self.session, ids)
        self._held |= repository.load(self.session, ids)

    def keep_names_apart(self, banks: Collection[str]) -> None:
        """Before several external ids are written: let nobody else write several of a bank."""
        concerned = {*banks, *(held.bank for held in self._held.values())}
        for bank in sorted(concerned):
            if self.editor.may("questions:write", bank):
                repository.lock_bank(self.session, bank)

    def finish(self) -> None:
        """Let everything go public at once; locks the clock."""
        self._ledger.go_public()

    def view(self, held: Held) -> Values:
        """Return the editing view that the editor may see."""
        answers = self.editor.may("answers:read", held.bank)
        view = editing_view(held, self._ledger.renderer, answers=answers)
        if self.editor.may("questions:read", held.bank):
            return view
        return {name: view[name] for name in PLACE_FIELDS}

    def look(self, question_id: UUID, scope: str = "questions:read") -> Held:
        """Return a question that the editor may see, not locked."""
        held = repository.find(self.session, question_id)
        if held is None:
            raise not_found()
        self.editor.require(scope, held.bank)
        return held

    def revision(self, held: Held, number: int) -> tuple[Row[Any], Values]:
        """Return one revision's row and its content; 404 where there is no such revision."""
        row = (
            repository.revision(self.session, held.id, number) if number <= held.revision else None
        )
        if row is None:
            raise not_found()
        answers = self.editor.may("answers:read", held.bank)
        saved = repository.saved(row)
        return row, revision_view(held, saved, self._ledger.renderer, answers=answers)

    def approach(
        self, question_id: UUID, scope: str, etag: str | None, *, required: bool = True
    ) -> None:
        """Raise 404, 403, 428, 412 as a change would, before anyone looks at what it asks for."""
        check_match(self._of(question_id, scope), etag, required=required)

    def create(self, body: Values, *, publish: bool, pointer: str = "") -> Held:
        """Make a question, at once published if that is wanted."""
        made = self.prepare(body, publish=publish, pointer=pointer)
        self._write(made.held, made.content, pointer, public=publish)
        return made.held

    def prepare(self, body: Values, *, publish: bool, pointer: str = "") -> Prepared:
        """Check a question to make, and return it; nothing of it is written."""
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
        saved = Saved(1, self._ledger.now, content_values(content), content)
        held = new_question(time_and_random.uuid7(), bank, external_id, Entry(saved, self.note))
        self._check_external_id(held, pointer)
        if publish:
            workflow.publish(held, held.newest, self._ledger.now)
        return Prepared(held, content)

    def write_together(self, prepared: Sequence[Prepared]) -> bool:
        """Write new questions of different external ids; False, and nothing, where one is refused.

        The tables refuse what somebody who was quicker made impossible since it was checked.
        """
        helds = [each.held for each in prepared]
        try:
            with self.session.begin_nested():
                self._ledger.write(helds)
        except IntegrityError:
            self._terms.forget()
            return False
        for held in helds:
            self._held[held.id] = held
            if held.live is not None:
                self._ledger.note_public(held)
        return True

    def update(
        self, question_id: UUID, body: Values, etag: str | None, *, publish: bool, pointer: str = ""
    ) -> Held:
        """Save a merge patch as a revision; without `publish` what is live stays as it was."""
        held = self._of(question_id, "questions:write")
        if publish:
            self.editor.require("questions:publish", held.bank)
        check_match(held, etag)
        language = self._language(held.bank) or "en"
        view = editing_view(held, self._ledger.renderer, answers=True)
        content = validation.patched_content(held, view, body, language, pointer)
        if "external_id" in body:
            held.external_id = validation.external_id(body, pointer)
        self._terms.check(content, pointer)
        give_item_ids([content])
        if "external_id" in body:
            self._check_external_id(held, pointer)
        held.save(content, self._ledger.now, self.note)
        if publish:
            workflow.publish(held, held.newest, self._ledger.now)
        self._write(held, content, pointer, public=publish)
        return held

    def publish(
        self, question_id: UUID, etag: str | None, body: object = None, pointer: str = ""
    ) -> Held:
        """Make a revision live, the newest unless the body names another."""
        held = self._of(question_id, "questions:publish")
        check_match(held, etag)
        wanted = PublishRequest() if body is None else validated(PublishRequest, body)
        saved = self._revision(held, wanted.revision, pointer)
        workflow.publish(held, saved, self._ledger.now)
        self._write(held, saved.content, pointer, public=True)
        return held

    def move(self, question_id: UUID, action: str, etag: str | None, *, required: bool) -> Held:
        """Withdraw, archive or restore a question."""
        held = self._of(question_id, "questions:publish")
        check_match(held, etag, required=required)
        was_live = held.live is not None
        _ACTIONS[action](held)
        self._ledger.write([held])
        if was_live:
            self._ledger.note_public(held)
        return held

    def delete(self, question_id: UUID, etag: str | None) -> None:
        """Delete a question that was never published."""
        held = self._of(question_id, "questions:write")
        check_match(held, etag)
        workflow.check_deletable(held)
        repository.remove(self.session, question_id)
        del self._held[question_id]

    def within_savepoint(
        self, question_id: UUID | None, change: Callable[[], Held | None]
    ) -> Held | None:
        """Run `change`; what it did to tables and question is undone when it is refused."""
        held = None if question_id is None else self._held.get(question_id)
        before = copy(held)
        self._in_savepoint = True
        try:
            with self.session.begin_nested():
                return change()
        except (Problem, _OvertakenError) as error:
            # Found out before the question is itself again: it tells what was wanted.
            refusal = error if isinstance(error, Problem) else self._explained(error)
            self._terms.forget()
            if held is not None and before is not None:
                # The same object: whatever goes public at the end has hold of it already.
                held.become(before)
            raise refusal from (None if refusal is error else error)
        finally:
            self._in_savepoint = False

    def _language(self, bank: str) -> str | None:
        if bank not in self._languages:
            self._languages[bank] = repository.bank_language(self.session, bank)
        return self._languages[bank]

    def _of(self, question_id: UUID, scope: str) -> Held:
        if question_id not in self._held:
            self.hold([question_id])
        held = self._held.get(question_id)
        if held is None:
            raise not_found()
        self.editor.require(scope, held.bank)
        return held

    def _revision(self, held: Held, number: int | None, pointer: str) -> Saved:
        if number is None or number == held.revision:
            return held.newest
        place = f"{pointer}/revision"
        row = repository.revision(self.session, held.id, number)
        if row is None:
            detail = f"The question has the revisions 1 to {held.revision}."
            raise invalid(FieldError("invalid_value", detail, pointer=place))
        saved = repository.saved(row)
        missing = self._terms.missing(saved.content)
        if missing:
            detail = f"Terms of that revision do not exist any more: {', '.join(missing)}."
            raise invalid(FieldError("invalid_value", detail, pointer=place))
        return saved

    def _check_external_id(self, held: Held, pointer: str) -> None:
        if held.external_id is None:
            return
        taker = repository.holder(self.session, held.bank, held.external_id)
        if taker is not None and taker != held.id:
            message = "Another question of the bank has the external id."
            place = f"{pointer}/external_id"
            error = FieldError("invalid_value", message, pointer=place)
            raise Problem("external_id_taken", message, [error], context={"id": str(taker)})

    def _write(self, held: Held, content: QuestionContent, pointer: str, *, public: bool) -> None:
        try:
            with nullcontext() if self._in_savepoint else self.session.begin_nested():
                self._ledger.write([held])
        except IntegrityError as error:
            overtaken = _OvertakenError(held, content, pointer)
            if self._in_savepoint:
                raise overtaken from error
            raise self._explained(overtaken) from error
        self._held[held.id] = held
        if public:
            self._ledger.note_public(held)

    def _explained(self, error: _OvertakenError) -> Problem:
        """Return what to say once the savepoint is undone: somebody was quicker."""
        self._terms.forget()
        try:
            self._check_external_id(error.held, error.pointer)
            self._terms.check(error.content, error.pointer)
        except Problem as problem:
            return problem
        message = "Something that the question refers to changed; nothing was written."
        return Problem("overloaded", message, headers={"Retry-After": "1"})
