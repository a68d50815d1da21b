"""Bitmaps of question numbers by facet and value."""

import array
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from app.catalog.index.row_batch import RowBatch
from app.published.facets import FACETS, Facet

Numbers = npt.NDArray[np.uint32]


def bitmap_of(numbers: Numbers) -> BitMap:
    """Return the bitmap of an array of numbers."""
    return BitMap(_plain_array(numbers))


def add_values(bitmaps: dict[str, BitMap], facet: Facet, batch: RowBatch, numbers: Numbers) -> None:
    """Add the number of each row of a batch to the bitmap of each value that the row has."""
    by_value: dict[str, list[Numbers]] = defaultdict(list)
    for text, found in batch.groups(facet.column, numbers):
        for value in facet.values_in(text):
            by_value[value].append(found)
    for value, parts in by_value.items():
        added = _plain_array(parts[0] if len(parts) == 1 else np.concatenate(parts))
        bitmap = bitmaps.get(value)
        if bitmap is None:
            bitmaps[value] = BitMap(added)
        else:
            bitmap.update(added)


def add_facets(facets: Mapping[str, dict[str, BitMap]], batch: RowBatch, numbers: Numbers) -> None:
    """Add the numbers of a batch's rows to the bitmaps of every facet; `facets` is by parameter."""
    for facet in FACETS:
        add_values(facets[facet.parameter], facet, batch, numbers)


def remove_numbers(bitmaps: dict[str, BitMap], numbers: BitMap) -> None:
    """Remove numbers from every bitmap of a facet, and delete the bitmaps that become empty."""
    for value in [value for value, bitmap in bitmaps.items() if bitmap.intersect(numbers)]:
        bitmaps[value] -= numbers
        if not bitmaps[value]:
            del bitmaps[value]


def _plain_array(numbers: Numbers) -> "array.array[int]":
    # A bitmap is made more quickly from an array of the standard library than from numpy's.
    plain = array.array("I")
    plain.frombytes(numbers.tobytes())
    return plain
