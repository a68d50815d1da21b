"""The columns of a CSV that hold a kind's own fields, as its content type declares them."""

from collections.abc import Collection
from typing import NamedTuple

from app.kinds.content import Content
from app.kinds.declarations.leaves import EACH, Leaf, Path
from app.kinds.options import Choice


class CsvColumn(NamedTuple):
    """A column of a CSV and the path of its value in the content.

    `leaf` describes the value, or each element of a list. It is None for the options of a choice,
    which the CSV format reads and writes by rules of its own.
    """

    name: str
    path: Path
    leaf: Leaf | None


def csv_columns(
    content_type: type[Content], own_leaves: Collection[Leaf]
) -> tuple[CsvColumn, ...] | None:
    """Return the columns of a kind, None if its content does not fit into a row.

    Raises TypeError if the columns do not hold all of `own_leaves`, the kind's own fields, and for
    a value that one cell cannot hold.
    """
    if content_type.CSV_COLUMNS is None:
        return None
    by_path = {leaf.path: leaf for leaf in own_leaves}
    columns = []
    for name, pointer in content_type.CSV_COLUMNS.items():
        path = tuple(pointer.split("/"))
        leaf = by_path.get(path) or by_path.get((*path, EACH))
        if leaf is None and not issubclass(content_type, Choice):
            message = f"{content_type.__name__}: {pointer} does not fit into one cell of a CSV"
            raise TypeError(message)
        columns.append(CsvColumn(name, path, leaf))
    missing = [
        "/".join(path)
        for path in by_path
        if not any(path[: len(column.path)] == column.path for column in columns)
    ]
    if missing:
        message = f"{content_type.__name__}: no column of CSV_COLUMNS holds {', '.join(missing)}"
        raise TypeError(message)
    return tuple(columns)
