"""Writes what prepared rows come to, all of a step at once."""

from collections.abc import Sequence

from sqlmodel import Session

from app.core.inserting import Key
from app.core.secrets import Secrets
from app.questions.bulk import BulkEdit, compose, publish_new, save_many, write_new
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
    new = [entry.composed for entry in changing if entry.composed is not None]
    edits = [
        _edit(context, entry)
        for entry in changing
        if entry.composed is None and entry.change != "keep"
    ]
    write_new(session, new)
    save_many(session, secrets, edits, context.by, NOTE)
    publish_new(session, new)


def _edit(context: Context, entry: Prepared) -> BulkEdit:
    return BulkEdit(
        id=entry.match.id if entry.match else None,
        bank=context.bank,
        external_id=entry.external_id,
        content=None if entry.change == "publish" else entry.content,
        publish=context.publish,
    )
