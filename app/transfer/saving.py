"""Writes what prepared rows come to, all of a step at once."""

from collections.abc import Sequence

from sqlmodel import Session

from app.core.secrets import Secrets
from app.questions.bulk import BulkEdit, save_many
from app.transfer.context import Context
from app.transfer.prepared import Prepared

NOTE = "import"


def save(
    session: Session, secrets: Secrets, context: Context, changing: Sequence[Prepared]
) -> None:
    """Save and publish what differs; locks the clock, so nothing may follow."""
    edits = [
        BulkEdit(
            id=entry.match.id if entry.match else None,
            bank=context.bank,
            external_id=entry.external_id,
            content=None if entry.change == "publish" else entry.content,
            publish=context.publish,
        )
        for entry in changing
        if entry.change != "keep"
    ]
    if edits:
        save_many(session, secrets, edits, context.by, NOTE)
