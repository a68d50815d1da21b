"""Rows of the change feed, prepared column by column, so that a million of them load quickly."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from app.published.feed_columns import ID_BYTES, Columns, PackedIds, Repeated

FEW = 2**16

Whole = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]


class Batch:
    """Some rows: whole numbers as arrays, texts as codes of what they say."""

    def __init__(self, columns: Columns) -> None:
        """Prepare columns, of one row at least."""
        self.columns = columns
        self._coded: dict[str, tuple[Sequence[str], npt.NDArray[np.int32] | None]] = {}

    @cached_property
    def numbers(self) -> Whole:
        """The numbers; TypeError where one is not whole."""
        return _whole(self.columns.number)

    @cached_property
    def seqs(self) -> Whole:
        """The places in the feed; TypeError where one is not whole."""
        return _whole(self.columns.seq)

    @cached_property
    def revisions(self) -> Whole:
        """The live revisions, 0 for none; TypeError where one is not whole."""
        revisions = self.columns.revision
        if isinstance(revisions, Repeated):
            return _whole(Repeated(revisions.value or 0, len(revisions)))
        return _whole([0 if found is None else found for found in revisions])

    @cached_property
    def updated(self) -> Whole:
        """The times of the last change; TypeError where one is not whole."""
        return _whole(self.columns.updated_at)

    @cached_property
    def ids(self) -> npt.NDArray[np.uint8]:
        """The ids, a row of 16 bytes each; ValueError where one has another length."""
        ids = self.columns.id
        data = ids.data if isinstance(ids, PackedIds) else b"".join(ids)
        if not isinstance(ids, PackedIds) and set(map(len, ids)) != {ID_BYTES}:
            message = "an id has 16 bytes"
            raise ValueError(message)
        return np.frombuffer(data, np.uint8).reshape(-1, ID_BYTES)

    def distinct(self, name: str) -> Collection[str]:
        """Return what a column of texts says, each once."""
        return self._code(name)[0]

    def coded(self, name: str) -> npt.NDArray[np.int32]:
        """Return for each row the place of its text in `distinct`."""
        codes = self._code(name)[1]
        return np.zeros(len(self.columns.number), np.int32) if codes is None else codes

    def groups(self, name: str, numbers: Numbers) -> Iterator[tuple[str, Numbers]]:
        """Yield each text of a column with those of the rows' `numbers` that have it."""
        texts, codes = self._code(name)
        if codes is None:
            yield texts[0], numbers
            return
        # Short words are sorted by counting, which takes no comparison.
        order = np.argsort(codes.astype(np.uint16) if len(texts) <= FEW else codes, kind="stable")
        ordered = numbers[order]
        start = 0
        for text, stop in zip(texts, np.cumsum(np.bincount(codes)).tolist(), strict=True):
            yield text, ordered[start:stop]
            start = stop

    def _code(self, name: str) -> tuple[Sequence[str], npt.NDArray[np.int32] | None]:
        found = self._coded.get(name)
        if found is None:
            found = self._coded[name] = _code(getattr(self.columns, name))
        return found


class _Codes(dict[str, int]):
    """Small numbers for texts, given as the texts come."""

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self)
        return code


def _code(column: Sequence[str]) -> tuple[Sequence[str], npt.NDArray[np.int32] | None]:
    """Return what a column says, each once, and for each row which (None: it is all the same)."""
    if isinstance(column, Repeated):
        return (column.value,), None
    if column[0] == column[-1] and column.count(column[0]) == len(column):
        return (column[0],), None
    codes = _Codes()
    coded = np.fromiter(map(codes.__getitem__, column), np.int32, len(column))
    return tuple(codes), coded


def _whole(column: Sequence[int]) -> Whole:
    if isinstance(column, range):
        return np.arange(column.start, column.stop)
    if isinstance(column, Repeated):
        column = [column.value] * len(column)
    found = np.array(column)
    if found.dtype != np.int64:
        message = "not all of these are whole numbers"
        raise TypeError(message)
    return found
