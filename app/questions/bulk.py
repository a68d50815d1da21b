"""Many questions at once, for imports and whatever changes a whole bank."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from app.core import entropy
from app.core.secrets import Secrets
from app.kinds import QuestionContent, content_values, give_option_ids
from app.questions import repository
from app.questions.held import Entry, Held, Saved, new_question
from app.questions.ledger import Ledger


@dataclass(frozen=True, slots=True)
class BulkEdit:
    """One question to make or change.

    `id` is None for a new one; `content` None publishes the newest revision. An `external_id` of
    None leaves a question the one that it has.
    """

    id: UUID | None
    bank: str
    external_id: str | None
    content: QuestionContent | None
    publish: bool


def save_many(
    session: Session,
    secrets: Secrets,
    edits: Sequence[BulkEdit],
    by: UUID | None,
    note: str | None,
) -> list[UUID]:
    """Save and publish, and return the ids in order; options that have no id get one.

    The caller has validated contents, terms and external ids, and locked the rows that exist by
    id. Locks the clock where something is published, so call it last.
    """
    known = repository.load(session, {edit.id for edit in edits if edit.id is not None})
    give_option_ids(edit.content for edit in edits if edit.content is not None)
    ledger = Ledger(session, secrets, by)
    helds = [_applied(ledger, known, edit, note) for edit in edits]
    for bank in sorted({edit.bank for edit in edits if edit.external_id is not None}):
        repository.lock_bank(session, bank)
    ledger.write(list({held.id: held for held in helds}.values()))
    ledger.go_public()
    return [held.id for held in helds]


def _applied(ledger: Ledger, known: dict[UUID, Held], edit: BulkEdit, note: str | None) -> Held:
    if edit.id is not None:
        held = known[edit.id]
        if edit.external_id is not None:
            held.external_id = edit.external_id
        if edit.content is not None:
            held.save(edit.content, ledger.now, note)
    elif edit.content is not None:
        content = edit.content
        saved = Saved(1, ledger.now, content_values(content), content)
        held = new_question(entropy.uuid7(), edit.bank, edit.external_id, Entry(saved, note))
    else:
        message = "an edit has an id, a content, or both"
        raise ValueError(message)
    if edit.publish and held.live is not held.newest:
        held.publish(held.newest, ledger.now)
        ledger.note_public(held)
    return held
