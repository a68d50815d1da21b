"""Matches rows with the questions that are there, and decides what each of them changes."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from sqlmodel import Session

from app.kinds import QuestionContent, content_values, parse_content
from app.transfer.formats.rows import Fault, RawRow, Row
from app.transfer.rows.candidates import content_of, identity
from app.transfer.rows.context import Context
from app.transfer.rows.matching import find_matches
from app.transfer.rows.prepared import Match, Prepared
from app.transfer.rows.term_lookup import TermFinder

BATCH_BYTES = 8_000_000


def batches(
    raws: Iterator[RawRow], start: int, size_of: Callable[[int], int]
) -> Iterator[tuple[int, list[RawRow]]]:
    """Cut rows into numbered lists of as many as `size_of` a number says, and about 8 MB of file.

    The size is asked for when the batch begins.
    """
    number = 0
    batch: list[RawRow] = []
    size = 0
    for raw in raws:
        size = size or size_of(number)
        batch.append(raw)
        if len(batch) >= size or raw.end.offset - start > BATCH_BYTES:
            yield number, batch
            number += 1
            batch, size = [], 0
            start = raw.end.offset
    if batch:
        yield number, batch


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
    prepared = Prepared(
        row.line, match=match, external_id=external_id, keys=_keys(match, external_id)
    )
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


def _keys(match: Match | None, external_id: str | None) -> tuple[bytes, ...]:
    by_name = () if external_id is None else (b"external_id " + external_id.encode(),)
    if match is None:
        return by_name
    by_id = b"id " + match.id.bytes
    return (by_id,) if external_id == match.external_id else (by_id, *by_name)
