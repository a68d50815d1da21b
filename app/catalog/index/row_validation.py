"""Tells rows of the change feed that this version understands from those that it does not."""

from collections.abc import Iterator

from app.catalog.index.row_batch import Batch
from app.kinds import KINDS
from app.published.feed_columns import PublishedRow
from app.published.question_filter import DIFFICULTIES

# Numbers are dense, so a larger one is a mistake, and it would cost memory for all below it.
MAX_NUMBER = 200_000_000
MAX_REVISION = 2**31 - 1
MAX_WHOLE = 2**63 - 1
ID_BYTES = 16

_KINDS = frozenset(KINDS)
_DIFFICULTIES = frozenset(DIFFICULTIES)
_TEXTS = ("bank", "categories", "companies", "tags", "levels", "language")


def complaints(batch: Batch) -> Iterator[tuple[PublishedRow, str]]:
    """Yield each row that is not understood, and why; quick where there is none."""
    if not _all_sound(batch):
        for row in batch.columns.rows():
            complaint = _complaint(row)
            if complaint:
                yield row, complaint


def has_place(row: PublishedRow) -> bool:
    """Return whether at least number, id, bank and seq of a row can be used."""
    return (
        _is_whole(row.number, MAX_NUMBER)
        and _is_whole(row.seq, MAX_WHOLE)
        and isinstance(row.id, bytes)
        and len(row.id) == ID_BYTES
        and isinstance(row.bank, str)
    )


def tombstone(row: PublishedRow) -> PublishedRow:
    """Return a row as that of a question which was withdrawn."""
    return PublishedRow(row.number, row.id, row.bank, row.seq, None, *("",) * 7, 0)


def _complaint(row: PublishedRow) -> str:
    if not has_place(row):
        return "its number, id, seq or bank cannot be used"
    if row.revision is not None and not _is_whole(row.revision, MAX_REVISION):
        return "its revision is not one"
    if row.kind not in KINDS or row.difficulty not in DIFFICULTIES:
        return "its kind or difficulty is unknown to this version"
    if not all(isinstance(getattr(row, name), str) for name in _TEXTS):
        return "one of its facets is not text"
    if not isinstance(row.updated_at, int):
        return "its time is not one"
    return ""


def _is_whole(value: object, highest: int) -> bool:
    return isinstance(value, int) and 1 <= value <= highest


def _all_sound(batch: Batch) -> bool:
    """Return whether nobody would complain of any row, column by column."""
    try:
        numbers, seqs, revisions = batch.numbers, batch.seqs, batch.revisions
        rows = len(batch.updated) == len(batch.ids)
        texts = [batch.distinct(name) for name in _TEXTS]
        kinds, difficulties = batch.distinct("kind"), batch.distinct("difficulty")
    except (TypeError, ValueError, OverflowError):
        return False
    return (
        rows
        and int(numbers.min()) >= 1
        and int(numbers.max()) <= MAX_NUMBER
        and int(seqs.min()) >= 1
        and int(revisions.min()) >= 0
        and int(revisions.max()) <= MAX_REVISION
        and 0 not in batch.columns.revision
        and _KINDS.issuperset(kinds)
        and _DIFFICULTIES.issuperset(difficulties)
        and all(isinstance(text, str) for distinct in texts for text in distinct)
    )
