"""The interface of the file formats, and the rows that they read."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from app.core.errors import FieldError

Values = dict[str, Any]

MAX_ROW_BYTES = 1_000_000
MAX_EXCERPT_LENGTH = 200


class Fault(NamedTuple):
    """One error in a row: the field as the file names it, the value, and how to correct it."""

    field: str
    code: str
    value: str | None
    hint: str


class FilePosition(NamedTuple):
    """The start of a row: its offset in bytes and its line number, counted from 1."""

    offset: int
    line: int


FILE_START = FilePosition(0, 1)


class RawRow(NamedTuple):
    """A row that is not parsed yet; only its format can read `data`. `end` is the next row."""

    line: int
    data: Any
    end: FilePosition
    faults: tuple[Fault, ...] = ()


class Row(NamedTuple):
    """A parsed row: its line, its values by field, and the start of the next row."""

    line: int
    values: Values
    end: FilePosition
    faults: tuple[Fault, ...] = ()


class Format(Protocol):
    """A file format for imports and exports."""

    name: str
    media_type: str

    def header_errors(self, file: BinaryIO) -> list[FieldError]:
        """Return the errors in the part of the file before its first row."""

    def scan(self, file: BinaryIO, position: FilePosition) -> Iterator[RawRow]:
        """Yield the rows from `position` on without parsing them, so that skipping is cheap."""

    def parse(self, raw: RawRow) -> Row:
        """Parse a row; a row that cannot be read has faults and no values."""

    def patch(self, values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:
        """Return a row as a JSON merge patch (RFC 7396) of a question's content, and its faults.

        `existing` is the content of the question that the row matches, if there is one.
        """

    def field_name(self, pointer: str, kind: str | None) -> str:
        """Return the file's name for the value at a JSON pointer in content of a kind."""

    def kinds(self) -> frozenset[str] | None:
        """Return the kinds of question that the format can hold, None if it can hold all."""

    def header(self) -> bytes:
        """Return the part of a file before its first row."""

    def write(self, views: Iterable[Values]) -> bytes:
        """Return editing views, with their answer sides, as rows of a file."""


def parsed_rows(file_format: Format, file: BinaryIO, position: FilePosition) -> Iterator[Row]:
    """Yield the parsed rows from `position` on."""
    return map(file_format.parse, file_format.scan(file, position))


def excerpt(value: object) -> str | None:
    """Return a value of a row as text for the import's report, at most 200 characters long."""
    if value is None:
        return None
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_EXCERPT_LENGTH else text[: MAX_EXCERPT_LENGTH - 1] + "…"
