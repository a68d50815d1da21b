"""JSON Lines: one question a line, as the editing view shows it; loses nothing."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import orjson

from app.core.errors import FieldError, Problem
from app.core.strict_json import parse_json
from app.transfer.formats.rows import MAX_ROW_BYTES, Fault, Place, Raw, Row, Values, shown

BOM = b"\xef\xbb\xbf"
MAX_PLAIN_DEPTH = 20

_MAYBE_NUMERIC = (None, "", "numeric")
_NO_OPENERS = bytes(set(range(256)) - set(b"[{"))


class JsonLinesFormat:
    """JSON Lines in UTF-8."""

    name = "jsonl"
    media_type = "application/jsonl"

    def head_errors(self, file: BinaryIO) -> list[FieldError]:  # noqa: ARG002 - there is no head
        """Return nothing: the file begins with its first row."""
        return []

    def scan(self, file: BinaryIO, place: Place) -> Iterator[Raw]:
        """Yield each line from `place` on that is not blank."""
        file.seek(place.offset)
        offset, line = place
        while data := file.readline(MAX_ROW_BYTES + 1):
            began = line
            line += 1
            offset += len(data)
            if len(data) > MAX_ROW_BYTES and not data.endswith(b"\n"):
                offset += _skip_line(file)
                hint = f"A line holds at most {MAX_ROW_BYTES} bytes."
                fault = Fault("", "invalid_value", None, hint)
                yield Raw(began, b"", Place(offset, line), (fault,))
                continue
            if began == 1:
                data = data.removeprefix(BOM)
            if data and not data.isspace():
                yield Raw(began, data, Place(offset, line))

    def parse(self, raw: Raw) -> Row:
        """Return the line's JSON object."""
        if raw.faults:
            return Row(raw.line, {}, raw.end, raw.faults)
        return _row(raw.data.strip(), raw.line, raw.end)

    def patch(self, values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:  # noqa: ARG002
        """Return the values: a line is a merge patch already."""
        return values, []

    def field(self, pointer: str) -> str:
        """Return the pointer without its first slash."""
        return pointer.removeprefix("/")

    def kinds(self) -> frozenset[str] | None:
        """Return None: every kind."""
        return None

    def write_head(self) -> bytes:
        """Return nothing."""
        return b""

    def write(self, views: Iterable[Values]) -> bytes:
        """Return one line for each view."""
        return b"".join(orjson.dumps(view, option=orjson.OPT_APPEND_NEWLINE) for view in views)


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while part := file.readline(MAX_ROW_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _row(raw: bytes, line: int, end: Place) -> Row:
    try:
        value = _parse(raw)
    except Problem as problem:
        hint = f"Write one JSON object on one line, in UTF-8. {problem.detail}"
        shows = shown(raw.decode(errors="replace"))
        return Row(line, {}, end, (Fault("", "malformed_json", shows, hint),))
    if not isinstance(value, dict):
        hint = "Write one JSON object on one line."
        return Row(line, {}, end, (Fault("", "malformed_json", shown(value), hint),))
    return Row(line, value, end)


def _parse(raw: bytes) -> object:
    # The quick parser makes floats of numbers, takes NUL and counts no levels; where that could
    # matter the strict one reads the line instead.
    if b"\\u0000" in raw or len(raw.translate(None, _NO_OPENERS)) > MAX_PLAIN_DEPTH:
        return parse_json(raw)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return parse_json(raw)
    # A row without a kind may mean a question that is numeric.
    may_be_numeric = isinstance(value, dict) and value.get("kind") in _MAYBE_NUMERIC
    return parse_json(raw) if may_be_numeric else value
