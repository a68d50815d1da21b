"""Writes what prepared rows come to, all of a step at once."""

from collections.abc import Sequence

from sqlmodel import Session

from app.core.db.bulk_insert import Key
from app.core.secrets import Secrets
from app.questions.bulk_edit import (
    BulkEdit,
    PreparedQuestions,
    prepare_new,
    publish_new,
    save_many,
    write_new,
)
from app.transfer.rows.context import Context
from app.transfer.rows.prepared import Prepared

NOTE = "import"


def compose_new(
    secrets: Secrets, context: Context, key: Key, prepared: Sequence[Prepared]
) -> PreparedQuestions:
    """Make the new questions among the rows ready to be written, before the transaction begins."""
    new = [entry for entry in prepared if entry.change == "create" and not entry.faults]
    return prepare_new(secrets, [_edit(context, entry) for entry in new], context.by, NOTE, key)


def save(
    session: Session,
    secrets: Secrets,
    context: Context,
    changing: Sequence[Prepared],
    composed: PreparedQuestions | None,
) -> None:
    """Save and publish what differs; locks the clock, so nothing may follow.

    `composed` is what the new questions among the rows were made to, if they were.
    """
    done = {"keep"} if composed is None else {"keep", "create"}
    edits = [_edit(context, entry) for entry in changing if entry.change not in done]
    if composed is not None:
        write_new(session, composed)
    save_many(session, secrets, edits, context.by, NOTE)
    if composed is not None:
        publish_new(session, composed)


def _edit(context: Context, entry: Prepared) -> BulkEdit:
    return BulkEdit(
        id=entry.match.id if entry.match else None,
        bank=context.bank,
        external_id=entry.external_id,
        content=None if entry.change == "publish" else entry.content,
        publish=context.publish,
    )
