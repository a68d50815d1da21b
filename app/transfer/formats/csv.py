"""CSV (RFC 4180): one question a row, for the kinds whose content fits into cells."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.core.errors import FieldError, near_misses
from app.transfer.formats.csv_cells import COLUMNS, guard, unguard, view_cells
from app.transfer.formats.csv_patch import KINDS, row_patch
from app.transfer.formats.rows import MAX_ROW_BYTES, START, Fault, Place, Raw, Row, Values, shown

BOM = b"\xef\xbb\xbf"
_LETTERS = "abcdefghij"

csv.field_size_limit(MAX_ROW_BYTES)


class _EndlessRowError(Exception):
    """A row that goes on for more bytes than one may hold."""


class _Lines:
    """The file's lines as text, and the place reached; bytes that are not UTF-8 stay visible."""

    def __init__(self, file: BinaryIO, place: Place) -> None:
        file.seek(place.offset)
        self._file = file
        self.place = place
        self.row_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MAX_ROW_BYTES + 1)
        if not raw:
            raise StopIteration
        self.row_bytes += len(raw)
        if self.row_bytes > MAX_ROW_BYTES:
            raise _EndlessRowError
        first = self.place.line == 1
        self.place = Place(self.place.offset + len(raw), self.place.line + 1)
        return (raw.removeprefix(BOM) if first else raw).decode(errors="surrogateescape")


class CsvFormat:
    """CSV in UTF-8, with a header in any order."""

    name = "csv"
    media_type = "text/csv"

    def head_errors(self, file: BinaryIO) -> list[FieldError]:
        """Return a field error for each column that is unknown or stands twice."""
        try:
            header, _ = _read_header(file)
        except (csv.Error, _EndlessRowError) as error:
            return [FieldError("invalid_value", f"The header cannot be read: {error}.", "/file")]
        if not header:
            hint = "The file has no header; its first row names the columns."
            return [FieldError("missing_value", hint, "/file")]
        errors = []
        for place, name in enumerate(header):
            # Bytes that are not UTF-8 were kept as surrogates, which no JSON text may hold.
            pointer = "/file/" + name.encode(errors="replace").decode()
            if name not in COLUMNS:
                hint = "There is no such column; columns are separated by commas."
                near = near_misses(name, COLUMNS)
                errors.append(FieldError("unknown_field", hint, pointer, suggestions=near))
            elif name in header[:place]:
                errors.append(FieldError("invalid_value", "The column stands twice.", pointer))
        return errors

    def scan(self, file: BinaryIO, place: Place) -> Iterator[Raw]:
        """Yield the rows' cells from `place` on; the header is read from the file's start."""
        header, first = _read_header(file)
        lines = _Lines(file, first if place == START else place)
        reader = csv.reader(lines, strict=True)
        while True:
            line = lines.place.line
            lines.row_bytes = 0
            try:
                cells = next(reader, None)
            except csv.Error as error:
                hint = f"Quote a cell that holds a comma, a quote or a new line. ({error})"
                yield _unread(line, lines.place, hint)
                continue
            except _EndlessRowError:
                hint = f"A row holds at most {MAX_ROW_BYTES} bytes; is a quote never closed?"
                yield _unread(line, lines.place, hint)
                return
            if cells is None:
                return
            if any(cells):
                yield Raw(line, (header, cells), lines.place)

    def parse(self, raw: Raw) -> Row:
        """Return the row's cells by column."""
        if raw.faults:
            return Row(raw.line, {}, raw.end, raw.faults)
        header, cells = raw.data
        return _row(header, cells, raw.line, raw.end)

    def patch(self, values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:
        """Return the row as a merge patch; see `row_patch`."""
        return row_patch(values, existing)

    def field(self, pointer: str) -> str:
        """Return the column that holds what stands at the pointer."""
        parts = pointer.removeprefix("/").split("/")
        head, *rest = parts
        if head == "options":
            return _option_column(rest)
        if head == "answer":
            return rest[0] if rest else "correct"
        if head == "source":
            return "source_url" if rest == ["url"] else "source"
        return head

    def kinds(self) -> frozenset[str] | None:
        """Return the kinds that fit into cells."""
        return KINDS

    def write_head(self) -> bytes:
        """Return the header."""
        return _encode([COLUMNS])

    def write(self, views: Iterable[Values]) -> bytes:
        """Return a row for each view, with cells that a spreadsheet will not take for formulas."""
        return _encode([guard(cell) for cell in view_cells(view)] for view in views)


def _read_header(file: BinaryIO) -> tuple[list[str], Place]:
    lines = _Lines(file, START)
    header = next(csv.reader(lines, strict=True), [])
    return [name.strip() for name in header], lines.place


def _unread(line: int, end: Place, hint: str) -> Raw:
    return Raw(line, None, end, (Fault("", "invalid_value", None, hint),))


def _row(header: list[str], cells: list[str], line: int, end: Place) -> Row:
    if len(cells) != len(header):
        hint = f"The row has {len(cells)} cells, but the header has {len(header)} columns."
        return Row(line, {}, end, (Fault("", "invalid_value", None, hint),))
    faults = tuple(
        Fault(name, "invalid_value", shown(cell.encode(errors="replace").decode()), mending)
        for name, cell in zip(header, cells, strict=True)
        if (mending := _unreadable(cell))
    )
    values: Values = dict(zip(header, map(unguard, cells), strict=True))
    if values.get("external_id") == "":
        values["external_id"] = None
    return Row(line, {} if faults else values, end, faults)


def _unreadable(cell: str) -> str | None:
    if cell.isascii():
        return "Take out the NUL character." if "\0" in cell else None
    if any("\ud800" <= char <= "\udfff" for char in cell):
        return "Save the file as UTF-8."
    return "Take out the NUL character." if "\0" in cell else None


def _option_column(rest: list[str]) -> str:
    if len(rest) != 2 or not rest[0].isdigit() or int(rest[0]) >= len(_LETTERS):
        return "correct"
    letter = _LETTERS[int(rest[0])]
    return {"text": f"option_{letter}", "feedback": f"feedback_{letter}"}.get(rest[1], "correct")


def _encode(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
