"""Rows of the change feed, one by one or turned into columns."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, TypeVar, overload

ID_BYTES = 16

T = TypeVar("T")


class PublishedRow(NamedTuple):
    """One row of the change feed: lists are comma-joined slugs, the time milliseconds since 1970.

    `id` is 16 bytes, or none at all where the database holds something else.
    """

    number: int
    id: bytes
    bank: str
    seq: int
    revision: int | None
    kind: str
    categories: str
    companies: str
    tags: str
    levels: str
    difficulty: str
    language: str
    updated_at: int


class PackedIds(Sequence[bytes]):
    """Ids of 16 bytes each, one after the other."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes of all of them."""
        self.data = data

    def __len__(self) -> int:
        return len(self.data) // ID_BYTES

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self.data[ID_BYTES * place : ID_BYTES * (place + 1)]


class Repeated(Sequence[T]):
    """One value, so many times."""

    def __init__(self, value: T, count: int) -> None:
        """Say `value` in each of `count` rows."""
        self.value = value
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return repeat(self.value, self._count)

    def __contains__(self, value: object) -> bool:
        return self._count > 0 and value == self.value

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> "Repeated[T]": ...
    def __getitem__(self, place: int | slice) -> "T | Repeated[T]":
        places = range(self._count)[place]
        return Repeated(self.value, len(places)) if isinstance(places, range) else self.value


class Columns(NamedTuple):
    """Rows of the change feed turned into columns, under the same names."""

    number: Sequence[int]
    id: Sequence[bytes]
    bank: Sequence[str]
    seq: Sequence[int]
    revision: Sequence[int | None]
    kind: Sequence[str]
    categories: Sequence[str]
    companies: Sequence[str]
    tags: Sequence[str]
    levels: Sequence[str]
    difficulty: Sequence[str]
    language: Sequence[str]
    updated_at: Sequence[int]

    def rows(self) -> list[PublishedRow]:
        """Return the rows again."""
        return list(map(PublishedRow._make, zip(*self, strict=True)))


def columns_of(rows: Sequence[PublishedRow]) -> Columns:
    """Return rows as columns."""
    return Columns(*(zip(*rows, strict=True) if rows else [()] * len(Columns._fields)))
