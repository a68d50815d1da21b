"""Matches rows with existing questions and decides which change each row makes."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from app.kinds import QuestionContent, content_values, parse_content
from app.transfer.formats.rows import Fault, Row
from app.transfer.rows.candidates import RowIdentity, read_content, read_identity
from app.transfer.rows.context import ImportContext
from app.transfer.rows.matching import find_matches
from app.transfer.rows.prepared import Change, MatchedQuestion, PreparedRow
from app.transfer.rows.term_lookup import TermFinder


def prepare_rows(
    session: Session, context: ImportContext, finder: TermFinder, rows: Sequence[Row]
) -> list[PreparedRow]:
    """Return the change that each row makes to the questions that the session reads."""
    identities = [read_identity(row.values, context.bank) for row in rows]
    matches = find_matches(
        session,
        context.bank,
        [identity.external_id for identity in identities if identity.external_id is not None],
        [identity.id for identity in identities if identity.id is not None],
    )
    return [
        _prepare_row(context, finder, row, identity, matches)
        for row, identity in zip(rows, identities, strict=True)
    ]


def _prepare_row(
    context: ImportContext,
    finder: TermFinder,
    row: Row,
    identity: RowIdentity,
    matches: dict[str | UUID, MatchedQuestion],
) -> PreparedRow:
    if row.faults:
        return PreparedRow(row.line, errors=row.faults)
    external_id = identity.external_id
    match = None
    if external_id is not None:
        match = matches.get(external_id)
    if match is None and identity.id is not None:
        match = matches.get(identity.id)
    if match is not None and external_id is None:
        external_id = match.version.external_id
    prepared = PreparedRow(
        row.line, match=match, external_id=external_id, keys=_keys(match, external_id)
    )
    existing = match.content if match else None
    content, content_errors = read_content(
        row.values, existing, context.language, context.file_format, finder
    )
    errors = [*identity.errors, *content_errors]
    if context.publish and match is not None and match.version.state == "archived":
        hint = "The question is archived: restore it first, or import with state=draft."
        errors.append(Fault("state", "invalid_value", "archived", hint))
    if errors or content is None:
        prepared.errors = errors
        return prepared
    prepared.content = content
    prepared.change = _change(context, match, external_id, content)
    return prepared


def _change(
    context: ImportContext,
    match: MatchedQuestion | None,
    external_id: str | None,
    content: QuestionContent,
) -> Change:
    if match is None:
        return "create"
    if external_id != match.version.external_id or _differs(content, match):
        return "update"
    if context.publish and match.version.published_revision != match.version.revision:
        return "publish"
    return "none"


def _differs(content: QuestionContent, match: MatchedQuestion) -> bool:
    # The comparison of plain values is fast and decides most rows of an import that runs again.
    return content_values(content) != match.content and content != parse_content(match.content)


def _keys(match: MatchedQuestion | None, external_id: str | None) -> tuple[bytes, ...]:
    by_external_id = () if external_id is None else (b"external_id " + external_id.encode(),)
    if match is None:
        return by_external_id
    by_id = b"id " + match.version.id.bytes
    if external_id == match.version.external_id:
        return (by_id,)
    return (by_id, *by_external_id)
