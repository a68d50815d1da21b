"""Writes what prepared rows come to, all of a step at once."""

from collections.abc import Sequence

from sqlmodel import Session

from app.core.secrets import Secrets
from app.questions.bulk import BulkEdit, compose, save_many
from app.questions.inserting import Key
from app.transfer.context import Context
from app.transfer.prepared import Prepared

NOTE = "import"


def compose_new(secrets: Secrets, context: Context, key: Key, prepared: Sequence[Prepared]) -> None:
    """Make the new questions among the rows ready to be written, before the transaction begins."""
    new = [entry for entry in prepared if entry.change == "create" and not entry.faults]
    edits = [_edit(context, entry) for entry in new]
    composed = compose(secrets, edits, context.by, NOTE, key)
    for entry, ready in zip(new, composed, strict=True):
        entry.composed = ready


def save(
    session: Session, secrets: Secrets, context: Context, changing: Sequence[Prepared]
) -> None:
    """Save and publish what differs; locks the clock, so nothing may follow."""
    edits = [
        entry.composed or _edit(context, entry) for entry in changing if entry.change != "keep"
    ]
    if edits:
        save_many(session, secrets, edits, context.by, NOTE)


def _edit(context: Context, entry: Prepared) -> BulkEdit:
    return BulkEdit(
        id=entry.match.id if entry.match else None,
        bank=context.bank,
        external_id=entry.external_id,
        content=None if entry.change == "publish" else entry.content,
        publish=context.publish,
    )
