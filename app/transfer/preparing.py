"""Matches rows with the questions that are there, and decides what each of them changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from app.kinds import QuestionContent, content_values, parse_content
from app.transfer.candidates import content_of, identity
from app.transfer.context import Context
from app.transfer.formats.rows import Fault, Row
from app.transfer.matching import find_matches
from app.transfer.prepared import Match, Prepared
from app.transfer.terms import TermFinder

BATCH_BYTES = 8_000_000


def batches(rows: Iterator[Row], start: int, size: "BatchSize") -> Iterator[list[Row]]:
    """Cut rows into lists of at most `size.rows`, asked anew each time, and about 8 MB of file."""
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= size.rows or row.end.offset - start > BATCH_BYTES:
            yield batch
            batch = []
            start = row.end.offset
    if batch:
        yield batch


@dataclass(slots=True)
class BatchSize:
    """How many rows the next batch may hold."""

    rows: int


def prepare(
    session: Session, context: Context, finder: TermFinder, rows: Sequence[Row]
) -> list[Prepared]:
    """Return what each row comes to, given the questions that the session sees."""
    identities = [identity(row.values, context.bank) for row in rows]
    matches = find_matches(
        session,
        context.bank,
        [external_id for external_id, _, _ in identities if external_id is not None],
        [question_id for _, question_id, _ in identities if question_id is not None],
    )
    return [
        _prepare(context, finder, row, given, matches)
        for row, given in zip(rows, identities, strict=True)
    ]


def _prepare(
    context: Context,
    finder: TermFinder,
    row: Row,
    given: tuple[str | None, UUID | None, list[Fault]],
    matches: dict[str | UUID, Match],
) -> Prepared:
    external_id, question_id, faults = given
    if row.faults:
        return Prepared(row.line, faults=row.faults)
    match = None
    if external_id is not None:
        match = matches.get(external_id)
    if match is None and question_id is not None:
        match = matches.get(question_id)
    if match is not None and external_id is None:
        external_id = match.external_id
    prepared = Prepared(row.line, match=match, external_id=external_id)
    prepared.keys = tuple(_keys(match, external_id))
    existing = match.content if match else None
    content, found = content_of(row.values, existing, context.language, context.file_format, finder)
    faults = [*faults, *found]
    if context.publish and match is not None and match.state == "archived":
        hint = "The question is archived: restore it first, or import with state=draft."
        faults.append(Fault("state", "invalid_value", "archived", hint))
    if faults or content is None:
        prepared.faults = faults
        return prepared
    prepared.content = content
    if match is None:
        prepared.change = "create"
    elif external_id != match.external_id or _differs(content, match):
        prepared.change = "update"
    elif context.publish and match.published_revision != match.revision:
        prepared.change = "publish"
    return prepared


def _differs(content: QuestionContent, match: Match) -> bool:
    # Values are compared first: that is quick, and an import that runs again is mostly this.
    return content_values(content) != match.content and content != parse_content(match.content)


def _keys(match: Match | None, external_id: str | None) -> Iterator[str | bytes]:
    if match is not None:
        yield match.id.bytes
    if external_id is not None and (match is None or external_id != match.external_id):
        yield external_id
