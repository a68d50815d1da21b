"""CSV (RFC 4180): one question a row, for the kinds whose content fits into a row."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.core.errors import FieldError, near_misses
from app.transfer.formats.csv_cells import escape_formula, unescape_formula
from app.transfer.formats.csv_columns import COLUMNS, KIND_COLUMNS, column_at, view_cells
from app.transfer.formats.csv_patch import row_patch
from app.transfer.formats.rows import (
    FILE_START,
    MAX_ROW_BYTES,
    Fault,
    FilePosition,
    RawRow,
    Row,
    Values,
    excerpt,
)

BOM = b"\xef\xbb\xbf"

csv.field_size_limit(MAX_ROW_BYTES)


class _RowTooLongError(Exception):
    """A row is longer than MAX_ROW_BYTES."""


class _Lines:
    """The lines of a file as text, and the position reached.

    Bytes that are not UTF-8 become surrogates.
    """

    def __init__(self, file: BinaryIO, position: FilePosition) -> None:
        file.seek(position.offset)
        self._file = file
        self.position = position
        self.row_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MAX_ROW_BYTES + 1)
        if not raw:
            raise StopIteration
        self.row_bytes += len(raw)
        if self.row_bytes > MAX_ROW_BYTES:
            raise _RowTooLongError
        is_first = self.position.line == 1
        self.position = FilePosition(self.position.offset + len(raw), self.position.line + 1)
        return (raw.removeprefix(BOM) if is_first else raw).decode(errors="surrogateescape")


class CsvFormat:
    """CSV in UTF-8; its first row names the columns, in any order."""

    name = "csv"
    media_type = "text/csv"

    def header_errors(self, file: BinaryIO) -> list[FieldError]:
        """Return an error for each unknown or repeated column."""
        try:
            header, _ = _read_header(file)
        except (csv.Error, _RowTooLongError) as error:
            return [FieldError("invalid_value", f"The header cannot be read: {error}.", "/file")]
        if not header:
            hint = "The file has no header; its first row names the columns."
            return [FieldError("missing_value", hint, "/file")]
        errors = []
        for index, name in enumerate(header):
            # JSON cannot hold the surrogates that stand for bytes that are not UTF-8.
            pointer = "/file/" + name.encode(errors="replace").decode()
            if name not in COLUMNS:
                hint = "There is no such column; columns are separated by commas."
                near = near_misses(name, COLUMNS)
                errors.append(FieldError("unknown_field", hint, pointer, suggestions=near))
            elif name in header[:index]:
                errors.append(FieldError("invalid_value", "The column is repeated.", pointer))
        return errors

    def scan(self, file: BinaryIO, position: FilePosition) -> Iterator[RawRow]:
        """Yield the cells of the rows from `position` on; the header is always read as well."""
        header, first_row = _read_header(file)
        lines = _Lines(file, first_row if position == FILE_START else position)
        reader = csv.reader(lines, strict=True)
        while True:
            line = lines.position.line
            lines.row_bytes = 0
            try:
                cells = next(reader, None)
            except csv.Error as error:
                hint = f"Quote a cell that holds a comma, a quote or a new line. ({error})"
                yield _unreadable_row(line, lines.position, hint)
                continue
            except _RowTooLongError:
                hint = f"A row holds at most {MAX_ROW_BYTES} bytes; is a quote never closed?"
                yield _unreadable_row(line, lines.position, hint)
                return
            if cells is None:
                return
            if any(cells):
                yield RawRow(line, (header, cells), lines.position)

    def parse(self, raw: RawRow) -> Row:
        """Return the row's cells by column."""
        if raw.faults:
            return Row(raw.line, {}, raw.end, raw.faults)
        header, cells = raw.data
        return _row(header, cells, raw.line, raw.end)

    def patch(self, values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:
        """Return the row as a merge patch, and its faults; see `row_patch`."""
        return row_patch(values, existing)

    def field_name(self, pointer: str, kind: str | None) -> str:
        """Return the column that holds the value at a JSON pointer in content of a kind."""
        return column_at(pointer, kind)

    def kinds(self) -> frozenset[str] | None:
        """Return the kinds whose content fits into a row."""
        return frozenset(KIND_COLUMNS)

    def header(self) -> bytes:
        """Return the row that names the columns."""
        return _encode([COLUMNS])

    def write(self, views: Iterable[Values]) -> bytes:
        """Return a row for each view; cells that look like formulas are escaped."""
        return _encode([escape_formula(cell) for cell in view_cells(view)] for view in views)


def _read_header(file: BinaryIO) -> tuple[list[str], FilePosition]:
    lines = _Lines(file, FILE_START)
    header = next(csv.reader(lines, strict=True), [])
    return [name.strip() for name in header], lines.position


def _unreadable_row(line: int, end: FilePosition, hint: str) -> RawRow:
    return RawRow(line, None, end, (Fault("", "invalid_value", None, hint),))


def _row(header: list[str], cells: list[str], line: int, end: FilePosition) -> Row:
    if len(cells) != len(header):
        hint = f"The row has {len(cells)} cells, but the header has {len(header)} columns."
        return Row(line, {}, end, (Fault("", "invalid_value", None, hint),))
    faults = tuple(
        Fault(name, "invalid_value", excerpt(cell.encode(errors="replace").decode()), correction)
        for name, cell in zip(header, cells, strict=True)
        if (correction := _character_correction(cell))
    )
    values: Values = dict(zip(header, map(unescape_formula, cells), strict=True))
    if values.get("external_id") == "":
        values["external_id"] = None
    return Row(line, {} if faults else values, end, faults)


def _character_correction(cell: str) -> str | None:
    """Return how to correct a cell with characters that are not allowed, else None."""
    if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
        return "Save the file as UTF-8."
    return "Take out the NUL character." if "\0" in cell else None


def _encode(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
