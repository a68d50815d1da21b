"""The columns of a CSV, lists in one cell, and cells that no spreadsheet takes for formulas."""

import re
from collections.abc import Iterable
from typing import Any

from app.published.facets import CONTENT_FACETS
from app.transfer.formats.rows import Values

LETTERS = "abcdefghij"
COLUMNS = (
    "external_id",
    "kind",
    "stem",
    *(f"option_{letter}" for letter in LETTERS),
    "correct",
    "accept",
    "match",
    "value",
    "tolerance",
    "tolerance_kind",
    "unit",
    "explanation",
    "hints",
    *(f"feedback_{letter}" for letter in LETTERS),
    *(facet.column for facet in CONTENT_FACETS),
    "points",
    "time_seconds",
    "family",
    "source",
    "source_url",
    "licence",
)

_FORMULA_STARTS = tuple("=+-@'\t\r＝＋－＠＇")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_LIST_PART = re.compile(r"\\[\\|]|\|")


def guard(cell: str) -> str:
    """Return the cell with a leading `'` where a spreadsheet would take it for a formula."""
    if cell.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def unguard(cell: str) -> str:
    """Take off the one `'` that `guard` put there."""
    if cell[:1] == "'" and cell[1:].startswith(_FORMULA_STARTS):
        return cell[1:]
    return cell


def join(parts: Iterable[str]) -> str:
    r"""Return a list as one cell: joined by `|`, a bar in a part as `\|`, a backslash as `\\`."""
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def split(cell: str) -> list[str]:
    """Return the list that `join` made a cell of; an empty cell is an empty list."""
    if not cell:
        return []
    if "\\" not in cell:
        return cell.split("|")
    parts = [""]
    at = 0
    for found in _LIST_PART.finditer(cell):
        parts[-1] += cell[at : found.start()]
        at = found.end()
        if found.group() == "|":
            parts.append("")
        else:
            parts[-1] += found.group()[1]
    parts[-1] += cell[at:]
    return parts


def split_names(cell: str) -> list[str]:
    """Return a list of names: as `split`, without the spaces around them and without empty ones."""
    return [name for part in split(cell) if (name := part.strip())]


def view_cells(view: Values) -> list[str]:
    """Return the cells of an editing view with its answer side, in the order of COLUMNS."""
    cells = {name: _text(view.get(name)) for name in COLUMNS}
    source = view.get("source") or {}
    cells["source"] = _text(source.get("title"))
    cells["source_url"] = _text(source.get("url"))
    answer = view.get("answer") or {}
    for name in ("accept", "match", "value", "tolerance", "tolerance_kind"):
        cells[name] = _text(answer.get(name))
    if view["kind"] == "true_false":
        cells["correct"], cells["value"] = cells["value"], ""
    if options := view.get("options"):
        keys = []
        for letter, option in zip(LETTERS, options, strict=False):
            cells[f"option_{letter}"] = option["text"]
            cells[f"feedback_{letter}"] = _text(option.get("feedback"))
            if option["key"]:
                keys.append(letter.upper())
        cells["correct"] = "|".join(keys)
    return [cells[name] for name in COLUMNS]


def _text(value: Any) -> str:  # noqa: ANN401 - any value of a view
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return join(value)
    return str(value)
