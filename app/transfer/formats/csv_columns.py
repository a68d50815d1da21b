"""The columns of a CSV: those of every question, and those that the kinds declare."""

from app.kinds import DETAILS, MODELS, CsvColumn
from app.kinds.options import Choice
from app.published.facets import CONTENT_FACETS
from app.transfer.formats.csv_cells import cell_text
from app.transfer.formats.csv_options import FEEDBACK_COLUMNS, option_cells
from app.transfer.formats.rows import Values

# The kinds whose content fits into a row, with their own columns.
KIND_COLUMNS: dict[str, tuple[CsvColumn, ...]] = {
    kind: details.csv_columns
    for kind, details in DETAILS.items()
    if details.csv_columns is not None
}
ALL_KIND_COLUMNS = frozenset(column.name for columns in KIND_COLUMNS.values() for column in columns)
# The kinds whose columns are read and written by `csv_options`.
CHOICE_KINDS = frozenset(kind for kind in KIND_COLUMNS if issubclass(MODELS[kind], Choice))

_SHARED_COLUMNS = (
    *(facet.column for facet in CONTENT_FACETS),
    "points",
    "time_seconds",
    "family",
    "source",
    "source_url",
    "licence",
)


def _columns() -> tuple[str, ...]:
    own = dict.fromkeys(column.name for columns in KIND_COLUMNS.values() for column in columns)
    before_explanation = [name for name in own if name not in FEEDBACK_COLUMNS]
    columns = (
        *("external_id", "kind", "stem", *before_explanation),
        *("explanation", "hints", *FEEDBACK_COLUMNS, *_SHARED_COLUMNS),
    )
    if len(set(columns)) < len(columns):
        message = f"a kind declares a CSV column that every question has: {columns}"
        raise TypeError(message)
    return columns


COLUMNS = _columns()


def column_at(pointer: str, kind: str | None) -> str:
    """Return the column that holds the value at a JSON pointer in content of a kind."""
    path = tuple(pointer.removeprefix("/").split("/"))
    if path[0] == "source":
        return "source_url" if path[1:] == ("url",) else "source"
    columns = KIND_COLUMNS.get(kind or "", ())
    around = [column for column in columns if path[: len(column.path)] == column.path]
    if around:
        return max(around, key=lambda column: len(column.path)).name
    inside = [column.name for column in columns if column.path[: len(path)] == path]
    return inside[0] if inside else path[0]


def view_cells(view: Values) -> list[str]:
    """Return the cells of an editing view with its answer side, in the order of COLUMNS."""
    cells = {name: cell_text(view.get(name)) for name in COLUMNS if name not in ALL_KIND_COLUMNS}
    source = view.get("source") or {}
    cells["source"] = cell_text(source.get("title"))
    cells["source_url"] = cell_text(source.get("url"))
    if view["kind"] in CHOICE_KINDS:
        cells |= option_cells(view.get("options") or [])
    else:
        for column in KIND_COLUMNS[view["kind"]]:
            cells[column.name] = cell_text(_value_at(view, column.path))
    return [cells.get(name, "") for name in COLUMNS]


def _value_at(view: Values, path: tuple[str, ...]) -> object:
    value: object = view
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
