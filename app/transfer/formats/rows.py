"""What every format makes of a file: rows, each with its line and its faults."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from app.core.errors import FieldError

Values = dict[str, Any]

MAX_ROW_BYTES = 1_000_000
MAX_SHOWN = 200


class Fault(NamedTuple):
    """One thing wrong in a row: its field as the file calls it, the value, and how to mend it."""

    field: str
    code: str
    value: str | None
    hint: str


class Place(NamedTuple):
    """A place between two rows: bytes before it, and the line (from 1) that begins there."""

    offset: int
    line: int


START = Place(0, 1)


class Raw(NamedTuple):
    """One row as it stands in the file, which only its format can parse."""

    line: int
    data: Any
    end: Place
    faults: tuple[Fault, ...] = ()


class Row(NamedTuple):
    """One row: the line where it begins, its values by field, and where the next row begins."""

    line: int
    values: Values
    end: Place
    faults: tuple[Fault, ...] = ()


class Format(Protocol):
    """A file format, both ways."""

    name: str
    media_type: str

    def head_errors(self, file: BinaryIO) -> list[FieldError]:
        """Return what is wrong with the file before its first row."""

    def scan(self, file: BinaryIO, place: Place) -> Iterator[Raw]:
        """Yield the rows from `place` on, unparsed: to pass over a row costs next to nothing."""

    def parse(self, raw: Raw) -> Row:
        """Return a row's values; one that cannot be read carries faults, no values."""

    def patch(self, values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:
        """Return a row as a merge patch (RFC 7396) in the native shape, beside what is wrong in it.

        `existing` is the content of the question that the row matches.
        """

    def field(self, pointer: str) -> str:
        """Return how the file calls the place at a JSON pointer of the native shape."""

    def kinds(self) -> frozenset[str] | None:
        """Return the kinds that the format can carry, None for all."""

    def write_head(self) -> bytes:
        """Return what stands before the first row."""

    def write(self, views: Iterable[Values]) -> bytes:
        """Return editing views with their answer side as rows of the file."""


def read(file_format: Format, file: BinaryIO, place: Place) -> Iterator[Row]:
    """Yield the parsed rows from `place` on."""
    return map(file_format.parse, file_format.scan(file, place))


def shown(value: object) -> str | None:
    """Return a value of a row as its report shows it: text, at most 200 characters."""
    if value is None:
        return None
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
