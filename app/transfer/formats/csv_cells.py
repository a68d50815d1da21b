"""The cells of a CSV: lists in one cell, and text that no spreadsheet takes for a formula."""

import re
from collections.abc import Iterable
from typing import Any

_FORMULA_STARTS = tuple("=+-@'\t\r＝＋－＠＇")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_ESCAPE_OR_BAR = re.compile(r"\\[\\|]|\|")


def escape_formula(cell: str) -> str:
    """Return the cell with a leading `'` if a spreadsheet would take it for a formula."""
    if cell.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def unescape_formula(cell: str) -> str:
    """Remove the `'` that `escape_formula` added."""
    if cell[:1] == "'" and cell[1:].startswith(_FORMULA_STARTS):
        return cell[1:]
    return cell


def join(parts: Iterable[str]) -> str:
    r"""Return a list as one cell: joined by `|`, a bar in a part as `\|`, a backslash as `\\`."""
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def split(cell: str) -> list[str]:
    """Return the list in a cell that `join` wrote; an empty cell is an empty list."""
    if not cell:
        return []
    if "\\" not in cell:
        return cell.split("|")
    parts = [""]
    start = 0
    for found in _ESCAPE_OR_BAR.finditer(cell):
        parts[-1] += cell[start : found.start()]
        start = found.end()
        if found.group() == "|":
            parts.append("")
        else:
            parts[-1] += found.group()[1]
    parts[-1] += cell[start:]
    return parts


def split_names(cell: str) -> list[str]:
    """Return a list of names: as `split`, without surrounding spaces and empty names."""
    return [name for part in split(cell) if (name := part.strip())]


def cell_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value of an editing view as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return join(value)
    return str(value)
