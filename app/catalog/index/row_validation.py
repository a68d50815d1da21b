"""Finds rows of the change feed that this version cannot use."""

from collections.abc import Iterator

from app.catalog.index.row_batch import RowBatch
from app.published.facets import FACETS
from app.published.feed_columns import FACET_COLUMNS, ID_BYTES, PublishedRow

# Numbers are dense, so a larger one is a mistake; columns by number would take memory up to it.
MAX_NUMBER = 200_000_000
MAX_REVISION = 2**31 - 1
MAX_INT64 = 2**63 - 1

# What the text of a column may be, for facets with one of a fixed list of values.
_ALLOWED_TEXTS = {
    facet.column: frozenset((*facet.values, "") if facet.optional else facet.values)
    for facet in FACETS
    if facet.values and not facet.many
}
_FREE_TEXTS = [facet.column for facet in FACETS if facet.column not in _ALLOWED_TEXTS]


def invalid_rows(batch: RowBatch) -> Iterator[tuple[PublishedRow, str]]:
    """Yield each row that cannot be used, with the reason; quick if all rows are valid."""
    if not _is_valid(batch):
        for row in batch.columns.rows():
            reason = _reason(row)
            if reason:
                yield row, reason


def has_identity(row: PublishedRow) -> bool:
    """Return whether number, id, bank and seq of a row can be used."""
    return (
        _is_int_from_one(row.number, MAX_NUMBER)
        and _is_int_from_one(row.seq, MAX_INT64)
        and isinstance(row.id, bytes)
        and len(row.id) == ID_BYTES
        and isinstance(row.bank, str)
    )


def tombstone(row: PublishedRow) -> PublishedRow:
    """Return the row as if its question were withdrawn."""
    return row._replace(revision=None, updated_at=0, facets=("",) * len(FACET_COLUMNS))


def _reason(row: PublishedRow) -> str:
    if not has_identity(row):
        return "its number, id, seq or bank cannot be used"
    if row.revision is not None and not _is_int_from_one(row.revision, MAX_REVISION):
        return "its revision is not a valid number"
    for column, allowed in _ALLOWED_TEXTS.items():
        if row.text(column) not in allowed:
            return f"this version does not know its {column}"
    for column in _FREE_TEXTS:
        if not isinstance(row.text(column), str):
            return f"its {column} is not text"
    if not isinstance(row.updated_at, int):
        return "its updated_at is not a number"
    return ""


def _is_int_from_one(value: object, highest: int) -> bool:
    return isinstance(value, int) and 1 <= value <= highest


def _is_valid(batch: RowBatch) -> bool:
    """Return whether all rows are valid, checked column by column."""
    try:
        numbers, seqs, revisions = batch.numbers, batch.seqs, batch.revisions
        has_rest = len(batch.updated_at) == len(batch.ids)
        texts = [batch.distinct_texts(column) for column in _FREE_TEXTS]
        limited = [
            allowed.issuperset(batch.distinct_texts(column))
            for column, allowed in _ALLOWED_TEXTS.items()
        ]
    except (TypeError, ValueError, OverflowError):
        return False
    return (
        has_rest
        and int(numbers.min()) >= 1
        and int(numbers.max()) <= MAX_NUMBER
        and int(seqs.min()) >= 1
        and int(revisions.min()) >= 0
        and int(revisions.max()) <= MAX_REVISION
        and 0 not in batch.columns.revision
        and all(limited)
        and all(isinstance(text, str) for distinct in texts for text in distinct)
    )
