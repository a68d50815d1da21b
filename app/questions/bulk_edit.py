"""Many questions at once, for imports and whatever changes a whole bank."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from app.core import time_and_random
from app.core.db.bulk_insert import Key
from app.core.secrets import Secrets
from app.kinds import QuestionContent, content_values, give_item_ids
from app.published.publishing import Publication, put
from app.questions import repository
from app.questions.rendering import Renderer
from app.questions.row_writer import Rows, insert_new, new_rows
from app.questions.state import Entry, Held, Saved, new_question
from app.questions.unit_of_work import Ledger


class BulkEdit(NamedTuple):
    """One question to make or change.

    `id` is None for a new one; `content` None publishes the newest revision. An `external_id` of
    None leaves a question the one that it has.
    """

    id: UUID | None
    bank: str
    external_id: str | None
    content: QuestionContent | None
    publish: bool


class Composed(NamedTuple):
    """New questions, ready to be written; those that are to go public are rendered.

    `banks` are those where one has an external id.
    """

    banks: frozenset[str]
    rows: Rows
    publications: list[Publication]


def compose(
    secrets: Secrets, edits: Sequence[BulkEdit], by: UUID | None, note: str | None, key: Key
) -> Composed:
    """Make new questions ready before the transaction begins: that takes as long as writing them.

    Each edit has a content and no id; options that have no id get one.
    """
    give_item_ids(edit.content for edit in edits if edit.content is not None)
    renderer = Renderer(secrets)
    now = time_and_random.milliseconds()
    helds, publications = [], []
    for edit in edits:
        held = _new(edit, now, note)
        helds.append(held)
        if edit.publish:
            held.publish(held.newest, now)
            publications.append(renderer.publication(held, None))
    return Composed(_named(helds), new_rows(helds, key, by), publications)


def write_new(session: Session, new: Composed) -> None:
    """Write what is composed; it is not public before `publish_new`."""
    _lock(session, new.banks)
    insert_new(session.connection(), new.rows)


def publish_new(session: Session, new: Composed) -> None:
    """Publish what was composed for that, and is written; locks the clock, so call it last."""
    put(session, new.publications)


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
    give_item_ids(edit.content for edit in edits if edit.content is not None)
    ledger = Ledger(session, secrets, by)
    helds = [_applied(ledger, known, edit, note) for edit in edits]
    _lock(session, _named(helds))
    ledger.write(list({held.id: held for held in helds}.values()))
    ledger.go_public()
    return [held.id for held in helds]


def _applied(ledger: Ledger, known: dict[UUID, Held], edit: BulkEdit, note: str | None) -> Held:
    if edit.id is None:
        held = _new(edit, ledger.now, note)
    else:
        held = known[edit.id]
        if edit.external_id is not None:
            held.external_id = edit.external_id
        if edit.content is not None:
            held.save(edit.content, ledger.now, note)
    if edit.publish and held.live is not held.newest:
        held.publish(held.newest, ledger.now)
        ledger.note_public(held)
    return held


def _named(helds: Sequence[Held]) -> frozenset[str]:
    return frozenset(held.bank for held in helds if held.external_id is not None)


def _lock(session: Session, banks: Iterable[str]) -> None:
    for bank in sorted(banks):
        repository.lock_bank(session, bank)


def _new(edit: BulkEdit, now: int, note: str | None) -> Held:
    content = edit.content
    if content is None:
        message = "an edit has an id, a content, or both"
        raise ValueError(message)
    saved = Saved(1, now, content_values(content), content)
    return new_question(time_and_random.uuid7(), edit.bank, edit.external_id, Entry(saved, note))
