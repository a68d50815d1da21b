"""A batch of rows of the change feed, prepared column by column, so that a million load quickly."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from app.published.feed_columns import ID_BYTES, PackedIds, PublishedColumns, Repeated

# How many different codes 16 bits can have.
MAX_SHORT_CODES = 2**16

Int64s = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]
# The different texts of a column, and for each row the index of its text; None if all have the
# first one.
Codes = tuple[Sequence[str], npt.NDArray[np.int32] | None]


class RowBatch:
    """Some rows: integers as arrays, texts as codes."""

    def __init__(self, columns: PublishedColumns) -> None:
        """Prepare columns of at least one row."""
        self.columns = columns
        self._codes: dict[str, Codes] = {}

    @cached_property
    def numbers(self) -> Int64s:
        """The numbers; TypeError if one is not an integer."""
        return _int64s(self.columns.number)

    @cached_property
    def seqs(self) -> Int64s:
        """The seqs; TypeError if one is not an integer."""
        return _int64s(self.columns.seq)

    @cached_property
    def revisions(self) -> Int64s:
        """The live revisions, 0 for none; TypeError if one is not an integer."""
        revisions = self.columns.revision
        if isinstance(revisions, Repeated):
            return _int64s(Repeated(revisions.value or 0, len(revisions)))
        return _int64s([0 if found is None else found for found in revisions])

    @cached_property
    def updated_at(self) -> Int64s:
        """The times of the last change; TypeError if one is not an integer."""
        return _int64s(self.columns.updated_at)

    @cached_property
    def ids(self) -> npt.NDArray[np.uint8]:
        """The ids, one row of 16 bytes each; ValueError if one has another length."""
        ids = self.columns.id
        data = ids.data if isinstance(ids, PackedIds) else b"".join(ids)
        if not isinstance(ids, PackedIds) and set(map(len, ids)) != {ID_BYTES}:
            message = "an id has 16 bytes"
            raise ValueError(message)
        return np.frombuffer(data, np.uint8).reshape(-1, ID_BYTES)

    def distinct_texts(self, column: str) -> Collection[str]:
        """Return the different texts of a facet's column."""
        return self._coded(column)[0]

    def text_codes(self, column: str) -> npt.NDArray[np.int32]:
        """Return for each row the index of its text in `distinct_texts`."""
        codes = self._coded(column)[1]
        return np.zeros(len(self.columns.number), np.int32) if codes is None else codes

    def groups(self, column: str, numbers: Numbers) -> Iterator[tuple[str, Numbers]]:
        """Yield each text of a column, with the `numbers` of the rows that have it."""
        texts, codes = self._coded(column)
        if codes is None:
            yield texts[0], numbers
            return
        # numpy sorts integers of 16 bits by their digits, without comparisons.
        short = len(texts) <= MAX_SHORT_CODES
        order = np.argsort(codes.astype(np.uint16) if short else codes, kind="stable")
        ordered = numbers[order]
        start = 0
        for text, stop in zip(texts, np.cumsum(np.bincount(codes)).tolist(), strict=True):
            yield text, ordered[start:stop]
            start = stop

    def _coded(self, column: str) -> Codes:
        found = self._codes.get(column)
        if found is None:
            found = self._codes[column] = _codes_of(self.columns.texts(column))
        return found


class _CodeByText(dict[str, int]):
    """Gives each new text the next code."""

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self)
        return code


def _codes_of(texts: Sequence[str]) -> Codes:
    if isinstance(texts, Repeated):
        return (texts.value,), None
    if texts[0] == texts[-1] and texts.count(texts[0]) == len(texts):
        return (texts[0],), None
    code_by_text = _CodeByText()
    codes = np.fromiter(map(code_by_text.__getitem__, texts), np.int32, len(texts))
    return tuple(code_by_text), codes


def _int64s(values: Sequence[int]) -> Int64s:
    if isinstance(values, range):
        return np.arange(values.start, values.stop)
    if isinstance(values, Repeated):
        values = [values.value] * len(values)
    found = np.array(values)
    if found.dtype != np.int64:
        message = "one of the values is not an integer"
        raise TypeError(message)
    return found
