"""JSON Lines: one question a line, with all fields of the editing view."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import orjson

from app.core.errors import FieldError, Problem
from app.core.strict_json import parse_json
from app.kinds import DETAILS
from app.transfer.formats.rows import (
    MAX_ROW_BYTES,
    Fault,
    FilePosition,
    RawRow,
    Row,
    Values,
    excerpt,
)

BOM = b"\xef\xbb\xbf"
# Lines with more opening brackets go to the strict parser, which limits the depth of nesting.
MAX_OPENING_BRACKETS = 20

# A row without a kind may match a question of a kind with exact numbers.
_KINDS_WITH_EXACT_NUMBERS = (
    *(None, ""),
    *(kind for kind, details in DETAILS.items() if details.has_exact_numbers),
)
_NOT_OPENING_BRACKETS = bytes(set(range(256)) - set(b"[{"))


class JsonLinesFormat:
    """JSON Lines in UTF-8."""

    name = "jsonl"
    media_type = "application/jsonl"

    def header_errors(self, file: BinaryIO) -> list[FieldError]:  # noqa: ARG002 - there is no header
        """Return nothing: the file begins with its first row."""
        return []

    def scan(self, file: BinaryIO, position: FilePosition) -> Iterator[RawRow]:
        """Yield each line from `position` on that is not blank."""
        file.seek(position.offset)
        offset, line = position
        while data := file.readline(MAX_ROW_BYTES + 1):
            row_line = line
            line += 1
            offset += len(data)
            if len(data) > MAX_ROW_BYTES and not data.endswith(b"\n"):
                offset += _skip_line(file)
                hint = f"A line holds at most {MAX_ROW_BYTES} bytes."
                fault = Fault("", "invalid_value", None, hint)
                yield RawRow(row_line, b"", FilePosition(offset, line), (fault,))
                continue
            if row_line == 1:
                data = data.removeprefix(BOM)
            if data and not data.isspace():
                yield RawRow(row_line, data, FilePosition(offset, line))

    def parse(self, raw: RawRow) -> Row:
        """Parse the JSON object on a line."""
        if raw.faults:
            return Row(raw.line, {}, raw.end, raw.faults)
        return _row(raw.data.strip(), raw.line, raw.end)

    def patch(self, values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:  # noqa: ARG002
        """Return the values unchanged: a line is a merge patch."""
        return values, []

    def field_name(self, pointer: str, kind: str | None) -> str:  # noqa: ARG002 - part of the interface
        """Return the pointer without its first slash."""
        return pointer.removeprefix("/")

    def kinds(self) -> frozenset[str] | None:
        """Return None: the format can hold every kind."""
        return None

    def header(self) -> bytes:
        """Return nothing."""
        return b""

    def write(self, views: Iterable[Values]) -> bytes:
        """Return one line for each view."""
        return b"".join(orjson.dumps(view, option=orjson.OPT_APPEND_NEWLINE) for view in views)


def _skip_line(file: BinaryIO) -> int:
    skipped_bytes = 0
    while part := file.readline(MAX_ROW_BYTES):
        skipped_bytes += len(part)
        if part.endswith(b"\n"):
            break
    return skipped_bytes


def _row(data: bytes, line: int, end: FilePosition) -> Row:
    try:
        value = _parse(data)
    except Problem as problem:
        hint = f"Write one JSON object on one line, in UTF-8. {problem.detail}"
        shown_value = excerpt(data.decode(errors="replace"))
        return Row(line, {}, end, (Fault("", "malformed_json", shown_value, hint),))
    if not isinstance(value, dict):
        hint = "Write one JSON object on one line."
        return Row(line, {}, end, (Fault("", "malformed_json", excerpt(value), hint),))
    return Row(line, value, end)


def _parse(data: bytes) -> object:
    # The fast parser converts numbers to floats, accepts NUL and does not limit nesting. The strict
    # parser reads the lines where that could matter.
    opening_brackets = len(data.translate(None, _NOT_OPENING_BRACKETS))
    if b"\\u0000" in data or opening_brackets > MAX_OPENING_BRACKETS:
        return parse_json(data)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return parse_json(data)
    needs_decimals = isinstance(value, dict) and value.get("kind") in _KINDS_WITH_EXACT_NUMBERS
    return parse_json(data) if needs_decimals else value
