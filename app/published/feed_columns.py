"""Rows of the change feed, one by one or turned into columns."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, TypeVar, overload

from app.published.facets import FACETS
from app.published.models import Published

ID_BYTES = 16

T = TypeVar("T")

_FACET_BY_COLUMN = {facet.column: facet for facet in FACETS}
# The columns of `published` that hold facets, in the table's order. `bank` is not among
# them: rows have a member for it.
FACET_COLUMNS = tuple(
    name for name in Published.model_fields if name in _FACET_BY_COLUMN and name != "bank"
)
# The columns that followers read, in the order that `feed_row` and `feed_columns` expect.
FEED_COLUMNS = ("number", "id", "bank", "seq", "revision", "updated_at", *FACET_COLUMNS)

_FACETS = [_FACET_BY_COLUMN[name] for name in FACET_COLUMNS]
_FIXED_COLUMNS = len(FEED_COLUMNS) - len(FACET_COLUMNS)
_POSITIONS = {name: position for position, name in enumerate(FACET_COLUMNS)}


class PublishedRow(NamedTuple):
    """One row of the change feed.

    `id` has 16 bytes, or none if the database holds no valid id. `updated_at` is in
    milliseconds since 1970. `facets` has the text of each of FACET_COLUMNS: slugs joined by commas.
    """

    number: int
    id: bytes
    bank: str
    seq: int
    revision: int | None
    updated_at: int
    facets: tuple[str, ...]

    def text(self, column: str) -> str:
        """Return the text of a facet's column."""
        return self.bank if column == "bank" else self.facets[_POSITIONS[column]]


class PackedIds(Sequence[bytes]):
    """Ids of 16 bytes each, one after the other in `data`."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes of all ids."""
        self.data = data

    def __len__(self) -> int:
        return len(self.data) // ID_BYTES

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.data[ID_BYTES * index : ID_BYTES * (index + 1)]


class Repeated(Sequence[T]):
    """A sequence that has the same value `count` times, and stores it once."""

    def __init__(self, value: T, count: int) -> None:
        """Repeat `value` in each of `count` rows."""
        self.value = value
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return repeat(self.value, self._count)

    def __contains__(self, value: object) -> bool:
        return self._count > 0 and value == self.value

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> "Repeated[T]": ...
    def __getitem__(self, index: int | slice) -> "T | Repeated[T]":
        found = range(self._count)[index]
        return Repeated(self.value, len(found)) if isinstance(found, range) else self.value


class PublishedColumns(NamedTuple):
    """Rows of the change feed as columns, under the names that a row has."""

    number: Sequence[int]
    id: Sequence[bytes]
    bank: Sequence[str]
    seq: Sequence[int]
    revision: Sequence[int | None]
    updated_at: Sequence[int]
    facets: tuple[Sequence[str], ...]

    def texts(self, column: str) -> Sequence[str]:
        """Return the texts of a facet's column, one for each row."""
        return self.bank if column == "bank" else self.facets[_POSITIONS[column]]

    def rows(self) -> list[PublishedRow]:
        """Return the rows."""
        *fixed, facets = self
        texts = zip(*facets, strict=True)
        return list(map(PublishedRow._make, zip(*fixed, texts, strict=True)))


def facet_texts(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the text of each of FACET_COLUMNS for a question's content, its kind included."""
    return tuple([facet.column_text(content) for facet in _FACETS])


def feed_row(values: Sequence[Any]) -> PublishedRow:
    """Return a row of FEED_COLUMNS, whose id is bytes."""
    return PublishedRow._make((*values[:_FIXED_COLUMNS], tuple(values[_FIXED_COLUMNS:])))


def feed_columns(values: Sequence[Sequence[Any]]) -> PublishedColumns:
    """Return FEED_COLUMNS, whose ids are bytes."""
    return PublishedColumns._make((*values[:_FIXED_COLUMNS], tuple(values[_FIXED_COLUMNS:])))


def columns_of(rows: Sequence[PublishedRow]) -> PublishedColumns:
    """Return rows as columns."""
    if not rows:
        return feed_columns([()] * len(FEED_COLUMNS))
    *fixed, facets = zip(*rows, strict=True)
    return PublishedColumns._make((*fixed, tuple(zip(*facets, strict=True))))
