"""Writes the changes of prepared rows, all rows of a batch together."""

from collections.abc import Sequence

from sqlmodel import Session

from app.core.db.bulk_insert import IdConverter
from app.core.secrets import Secrets
from app.questions.bulk_edit import (
    BulkEdit,
    PreparedQuestions,
    prepare_new,
    publish_new,
    save_many,
    write_new,
)
from app.transfer.rows.context import ImportContext
from app.transfer.rows.prepared import PreparedRow

REVISION_NOTE = "import"


def compose_new(
    secrets: Secrets, context: ImportContext, key: IdConverter, rows: Sequence[PreparedRow]
) -> PreparedQuestions:
    """Render the new questions among the rows, before the transaction that writes them."""
    edits = [_edit(context, row) for row in rows if row.change == "create"]
    return prepare_new(secrets, edits, context.key_id, REVISION_NOTE, key)


def edits_of_existing(context: ImportContext, rows: Sequence[PreparedRow]) -> list[BulkEdit]:
    """Return the edits of the questions among the rows that exist already."""
    return [_edit(context, row) for row in rows if row.change in {"update", "publish"}]


def save_rows(
    session: Session,
    secrets: Secrets,
    context: ImportContext,
    new: PreparedQuestions,
    edits: Sequence[BulkEdit],
) -> None:
    """Write and publish new and changed questions; locks the clock, so call it last."""
    write_new(session, new)
    save_many(session, secrets, edits, context.key_id, REVISION_NOTE)
    publish_new(session, new)


def _edit(context: ImportContext, row: PreparedRow) -> BulkEdit:
    return BulkEdit(
        id=row.match.version.id if row.match else None,
        bank=context.bank,
        external_id=row.external_id,
        content=None if row.change == "publish" else row.content,
        publish=context.publish,
    )
