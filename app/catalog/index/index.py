"""The in-memory index of questions: bitmaps of numbers by facet and value, columns by number."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from app.catalog.bodies.byte_cache import REVISIONS_PER_NUMBER
from app.catalog.index.change_log import ChangeLog
from app.catalog.index.facet_bitmaps import (
    add_facets,
    add_values,
    bitmap_of,
    remove_numbers,
)
from app.catalog.index.id_lookup import IdLookup
from app.catalog.index.row_batch import RowBatch
from app.published.facets import BANK, FACETS
from app.published.feed_columns import ID_BYTES, PublishedColumns, columns_of

# The initial length of the columns.
INITIAL_SLOTS = 1024

Numbers = npt.NDArray[np.uint32]


class IndexEntry(NamedTuple):
    """A question that is or was public; `revision` is None for a withdrawn one."""

    number: int
    id: bytes
    bank: str
    revision: int | None


class Index:
    """Live questions by facet; and id, bank and seq of every question that is or was public."""

    def __init__(self) -> None:
        """Start empty; batches may come in any order until `finish_load`."""
        # Live questions by the parameter of a facet and value.
        self.facets: dict[str, dict[str, BitMap]] = {facet.parameter: {} for facet in FACETS}
        # Live and withdrawn questions by bank.
        self.all_by_bank: dict[str, BitMap] = {}
        self.largest_number = 0
        self._ids = IdLookup()
        self._log = ChangeLog()
        self._is_loaded = False
        self._bank_codes: dict[str, int] = {}
        self._bank_names: list[str] = []
        # Columns, indexed by question number.
        self._id_table = np.zeros((0, ID_BYTES), np.uint8)
        self._seq = np.zeros(0, np.int64)
        self._updated_at = np.zeros(0, np.int64)
        # The key of the live revision (see REVISIONS_PER_NUMBER), 0 for a withdrawn question.
        self._key = np.zeros(0, np.uint64)
        # A memoryview returns one item more quickly than an array does.
        self._key_view = self._key.data
        self._bank = np.zeros(0, np.uint16)

    @property
    def live_count(self) -> int:
        """How many questions are live."""
        return sum(map(len, self.facets["bank"].values()))

    def apply(self, batch: RowBatch) -> None:
        """Replace what is known of the questions of a batch, which has one row for each."""
        numbers = batch.numbers.astype(np.uint32)
        self._reserve(int(numbers.max()))
        self._remove_from_facets(numbers)
        is_known = self._seq[numbers] > 0
        self._seq[numbers] = batch.seqs
        self._updated_at[numbers] = batch.updated_at
        is_live = batch.revisions > 0
        keys = batch.numbers.astype(np.uint64) * np.uint64(REVISIONS_PER_NUMBER)
        self._key[numbers] = np.where(is_live, keys + batch.revisions.astype(np.uint64), 0)
        self._bank[numbers] = self._coded_banks(batch)
        self._id_table[numbers] = batch.ids
        add_values(self.all_by_bank, BANK, batch, numbers)
        if is_live.all():
            add_facets(self.facets, batch, numbers)
        elif is_live.any():
            rows = [row for row in batch.columns.rows() if row.revision is not None]
            add_facets(self.facets, RowBatch(columns_of(rows)), numbers[is_live])
        self._log.append(batch.seqs, numbers)
        if self._is_loaded:
            self._add_ids(batch.columns, is_known)
            self._log.compact(self._seq, sum(map(len, self.all_by_bank.values())))

    def finish_load(self) -> None:
        """Sort what came in any order; later batches come in the order of seq."""
        self._log.sort(self._seq)
        self._ids.build(self._known_numbers(), self._id_table)
        self._is_loaded = True

    def find(self, question_id: bytes) -> IndexEntry | None:
        """Return a question by its id."""
        number = self._ids.find(question_id, self._id_table)
        return None if number is None else self.entry(number)

    def entry(self, number: int) -> IndexEntry:
        """Return a question by its number; KeyError if there is none."""
        if not 0 < number <= self.largest_number or not self._seq.item(number):
            raise KeyError(number)
        revision = self.revision(number) or None
        question_id = self._id_table[number].tobytes()
        return IndexEntry(number, question_id, self.bank(number), revision)

    def bank(self, number: int) -> str:
        """Return the bank of a question that is or was public."""
        return self._bank_names[self._bank.item(number)]

    def revision(self, number: int) -> int:
        """Return the live revision of a question, 0 for none."""
        return self._key_view[number] % REVISIONS_PER_NUMBER

    def live_keys(self, numbers: Sequence[int]) -> list[int]:
        """Return the keys of the live revisions of numbers, all of which have to be live."""
        view = self._key_view
        return [view[number] for number in numbers]

    def seq(self, number: int) -> int:
        """Return the seq of a question's last change."""
        return self._seq.item(number)

    def ids(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the ids of numbers, in order."""
        return [self._id_table[number].tobytes() for number in numbers]

    def updated_after(self, members: BitMap, time: int) -> BitMap:
        """Return the members whose live revision is newer than `time` (milliseconds since 1970)."""
        numbers: Numbers = np.frombuffer(members.to_array(), np.uint32)
        return bitmap_of(numbers[self._updated_at[numbers] > time])

    def first_changed(self, members: BitMap, *, after: int, last: int, limit: int) -> list[int]:
        """Return the first members with after < seq <= last, in the order of seq."""
        return self._log.first_changed(self._seq, members, after=after, last=last, limit=limit)

    def last_changed(self, members: BitMap, *, before: int, limit: int) -> list[int]:
        """Return the last members with seq < before, in reverse order of seq."""
        return self._log.last_changed(self._seq, members, before=before, limit=limit)

    def _known_numbers(self) -> Numbers:
        return np.flatnonzero(self._seq[: self.largest_number + 1]).astype(np.uint32)

    def _remove_from_facets(self, numbers: Numbers) -> None:
        live = numbers[self._key[numbers] > 0]
        if len(live):
            removed = bitmap_of(live)
            for bitmaps in self.facets.values():
                remove_numbers(bitmaps, removed)

    def _add_ids(self, columns: PublishedColumns, is_known: npt.NDArray[np.bool_]) -> None:
        for position in np.flatnonzero(~is_known).tolist():
            self._ids.add(columns.id[position], columns.number[position])
        if self._ids.needs_rebuild:
            self._ids.build(self._known_numbers(), self._id_table)

    def _coded_banks(self, batch: RowBatch) -> npt.NDArray[np.uint16]:
        banks = batch.distinct_texts("bank")
        for bank in banks:
            if bank not in self._bank_codes:
                self._bank_codes[bank] = len(self._bank_names)
                self._bank_names.append(bank)
        codes = np.array([self._bank_codes[bank] for bank in banks], np.uint16)
        return codes[batch.text_codes("bank")]

    def _reserve(self, largest: int) -> None:
        """Make the columns long enough for the number `largest`."""
        self.largest_number = max(self.largest_number, largest)
        length = len(self._seq)
        if largest < length:
            return
        wanted = max(largest + 1, 2 * length, INITIAL_SLOTS)
        for name in ("_id_table", "_seq", "_updated_at", "_key", "_bank"):
            column = getattr(self, name)
            # The system gives memory for fresh zeros only when they are written to.
            longer = np.zeros((wanted, *column.shape[1:]), column.dtype)
            longer[:length] = column
            setattr(self, name, longer)
        self._key_view = self._key.data
