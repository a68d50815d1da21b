"""Converts the cells of a CSV row to a merge patch of a question's content.

A column that the file does not have leaves its value unchanged; an empty cell clears it.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from app.kinds import EACH, MODELS, Leaf, TextType
from app.transfer.formats.csv_cells import split, split_names
from app.transfer.formats.csv_columns import ALL_KIND_COLUMNS, CHOICE_KINDS, KIND_COLUMNS
from app.transfer.formats.csv_options import read_options
from app.transfer.formats.rows import Fault, Values, excerpt

_Reader = Callable[[str], Any]


class _BadCellError(ValueError):
    """A cell that cannot be read; the message says how to correct it."""

    def __init__(self, hint: str, code: str = "invalid_value") -> None:
        super().__init__(hint)
        self.code = code


def row_patch(values: Values, existing: Values | None) -> tuple[Values, list[Fault]]:
    """Return the merge patch of a row and the faults in its cells.

    `existing` is the content of the question that the row matches, if there is one.
    """
    kind = (existing or {}).get("kind") or values.get("kind", "").strip()
    if kind in MODELS and kind not in KIND_COLUMNS:
        hint = f"Questions of kind {kind} do not fit into CSV; send them as JSON Lines."
        return {}, [Fault("kind", "invalid_value", kind, hint)]
    patch, faults = _read_cells(values, _SHARED_READERS)
    faults = _foreign_cells(values, kind) + faults
    _add_source(patch, values)
    if kind in CHOICE_KINDS:
        options, option_faults = read_options(values, kind, (existing or {}).get("options") or [])
        faults += option_faults
        if options is not None:
            patch["options"] = options
    elif kind in KIND_COLUMNS:
        own, own_faults = _read_cells(values, _OWN_READERS[kind])
        faults += own_faults
        for column in KIND_COLUMNS[kind]:
            if column.name in own:
                _set_at(patch, column.path, own[column.name])
    return patch, faults


def _foreign_cells(values: Values, kind: str) -> list[Fault]:
    """Return a fault for each filled cell of a column that only other kinds have."""
    if kind not in KIND_COLUMNS:
        # The content's own validation lists the kinds that exist.
        return []
    own = {column.name for column in KIND_COLUMNS[kind]}
    return [
        Fault(name, "invalid_value", excerpt(cell), f"Empty the cell: {kind} has no such field.")
        for name, cell in values.items()
        if cell and name in ALL_KIND_COLUMNS and name not in own
    ]


def _read_cells(values: Values, readers: dict[str, _Reader]) -> tuple[Values, list[Fault]]:
    read: Values = {}
    faults = []
    for name, cell in values.items():
        if name in readers:
            try:
                read[name] = readers[name](cell)
            except _BadCellError as error:
                faults.append(Fault(name, error.code, excerpt(cell), str(error)))
    return read, faults


def _add_source(patch: Values, values: Values) -> None:
    columns = {"title": "source", "url": "source_url"}
    given = {part: values[name] or None for part, name in columns.items() if name in values}
    if len(given) == len(columns) and not any(given.values()):
        patch["source"] = None
    elif given and any(given.values()):
        patch["source"] = given


def _set_at(patch: Values, path: tuple[str, ...], value: object) -> None:
    for step in path[:-1]:
        patch = patch.setdefault(step, {})
    patch[path[-1]] = value


def _read_word(cell: str) -> str | None:
    return cell.strip() or None


def _read_text(cell: str) -> str | None:
    return cell or None


def _read_number(cell: str) -> int | Decimal | None:
    text = cell.strip()
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > 12:
        raise _BadCellError("Write a number such as 1 or 2.5.")
    return int(value) if value == value.to_integral_value() else value


def _read_boolean(cell: str) -> bool:
    text = cell.strip().lower()
    if text not in {"true", "false"}:
        code = "unknown_value" if text else "missing_value"
        raise _BadCellError("Write true or false.", code)
    return text == "true"


def _reader_for(leaf: Leaf) -> _Reader:
    """Return the function that reads the cells of a value."""
    if leaf.path[-1] == EACH:
        return split
    if leaf.value_type is bool:
        return _read_boolean
    if leaf.text_type is None:
        return _read_number
    is_prose = leaf.text_type in {TextType.MARKDOWN, TextType.PLAIN}
    return _read_text if is_prose else _read_word


_SHARED_READERS: dict[str, _Reader] = {
    "kind": _read_word,
    "stem": _read_text,
    "explanation": _read_text,
    "hints": split,
    "categories": split_names,
    "companies": split_names,
    "tags": split_names,
    "difficulty": _read_word,
    "levels": split_names,
    "language": _read_word,
    "points": _read_number,
    "time_seconds": _read_number,
    "family": _read_word,
    "licence": _read_text,
}
_OWN_READERS: dict[str, dict[str, _Reader]] = {
    kind: {column.name: _reader_for(column.leaf) for column in columns if column.leaf}
    for kind, columns in KIND_COLUMNS.items()
}
