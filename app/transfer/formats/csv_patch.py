"""Converts the cells of a CSV row to a merge patch of a question's content.

A column that the file does not have leaves its value unchanged; an empty cell clears it.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeAlias

from app.kinds import EACH, MODELS, Leaf, Path, TextType
from app.published.facets import CONTENT_FACETS
from app.transfer.formats.csv_cells import split, split_names
from app.transfer.formats.csv_columns import ALL_KIND_COLUMNS, CHOICE_KINDS, KIND_COLUMNS
from app.transfer.formats.csv_options import read_options
from app.transfer.formats.rows import Fault, Values, excerpt

_Read: TypeAlias = Callable[[str], Any]


class _OwnColumn(NamedTuple):
    """A kind's own column: the path of its value, and how to read a cell."""

    path: Path
    read: _Read


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
    patch: Values = {}
    faults = []
    foreign = _FOREIGN_COLUMNS.get(kind, frozenset())
    own = _OWN_COLUMNS.get(kind, {})
    for name, cell in values.items():
        try:
            if name in _SHARED_COLUMNS:
                patch[name] = _SHARED_COLUMNS[name](cell)
            elif name in own:
                _set_at(patch, own[name].path, own[name].read(cell))
            elif cell and name in foreign:
                hint = f"Empty the cell: {kind} has no such field."
                faults.append(Fault(name, "invalid_value", excerpt(cell), hint))
        except _BadCellError as error:
            faults.append(Fault(name, error.code, excerpt(cell), str(error)))
    _add_source(patch, values)
    if kind in CHOICE_KINDS:
        options, option_faults = read_options(values, kind, (existing or {}).get("options") or [])
        faults += option_faults
        if options is not None:
            patch["options"] = options
    return patch, faults


def _add_source(patch: Values, values: Values) -> None:
    columns = {"title": "source", "url": "source_url"}
    given = {part: values[name] or None for part, name in columns.items() if name in values}
    if len(given) == len(columns) and not any(given.values()):
        patch["source"] = None
    elif given and any(given.values()):
        patch["source"] = given


def _set_at(patch: Values, path: Path, value: object) -> None:
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


def _reader_for(leaf: Leaf) -> _Read:
    """Return the function that reads the cells of a value."""
    if leaf.path[-1] == EACH:
        return split
    if leaf.value_type is bool:
        return _read_boolean
    if leaf.text_type is None:
        return _read_number
    is_prose = leaf.text_type in {TextType.MARKDOWN, TextType.PLAIN}
    return _read_text if is_prose else _read_word


_SHARED_COLUMNS: dict[str, _Read] = {
    "kind": _read_word,
    "stem": _read_text,
    "explanation": _read_text,
    "hints": split,
    **{facet.column: split_names if facet.many else _read_word for facet in CONTENT_FACETS},
    "points": _read_number,
    "time_seconds": _read_number,
    "family": _read_word,
    "licence": _read_text,
}
# By kind. The columns of options are not here: they are read together.
_OWN_COLUMNS = {
    kind: {
        column.name: _OwnColumn(column.path, _reader_for(column.leaf))
        for column in columns
        if column.leaf is not None
    }
    for kind, columns in KIND_COLUMNS.items()
}
# By kind, the columns of other kinds. Of an unknown kind nothing is reported here: the validation
# of the content lists the kinds that exist.
_FOREIGN_COLUMNS = {
    kind: ALL_KIND_COLUMNS.difference(column.name for column in columns)
    for kind, columns in KIND_COLUMNS.items()
}
