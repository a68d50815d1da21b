"""The catalog's memory: bitmaps of numbers by facet and value, and columns by number."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from app.catalog.bodies.byte_cache import REVISIONS_PER_NUMBER
from app.catalog.index.change_log import SeqLog
from app.catalog.index.facet_bitmaps import FACETS, bitmap_of, gather, gather_all, one, take_out
from app.catalog.index.id_lookup import Ids
from app.catalog.index.row_batch import Batch
from app.published.feed_columns import ID_BYTES, Columns, columns_of

ROOM = 1024

Numbers = npt.NDArray[np.uint32]


class Entry(NamedTuple):
    """A question that is or was public; without a revision it is withdrawn."""

    number: int
    id: bytes
    bank: str
    revision: int | None


class Index:
    """What is live, by facet; and of every question that is or was public its id and place."""

    def __init__(self) -> None:
        """Start empty; rows may come in any order until `settle`."""
        self.facets: dict[str, dict[str, BitMap]] = {name: {} for name in FACETS}
        self.every: dict[str, BitMap] = {}
        self.largest = 0
        self._ids = Ids()
        self._log = SeqLog()
        self._settled = False
        self._banks: dict[str, int] = {}
        self._names: list[str] = []
        self._id_table = np.zeros((0, ID_BYTES), np.uint8)
        self._seq = np.zeros(0, np.int64)
        self._updated = np.zeros(0, np.int64)
        # Of what is live the key of its revision, else 0; the view reads single ones quicker.
        self._key = np.zeros(0, np.uint64)
        self._key_view = self._key.data
        self._bank = np.zeros(0, np.uint16)

    @property
    def live(self) -> int:
        """How many questions are live."""
        return sum(map(len, self.facets["bank"].values()))

    def take(self, batch: Batch) -> None:
        """Put rows in place of what was known of their questions, at most one row for each."""
        numbers = batch.numbers.astype(np.uint32)
        self._make_room(int(numbers.max()))
        self._forget(numbers)
        known = self._seq[numbers] > 0
        self._seq[numbers] = batch.seqs
        self._updated[numbers] = batch.updated
        alive = batch.revisions > 0
        keys = batch.numbers.astype(np.uint64) * np.uint64(REVISIONS_PER_NUMBER)
        self._key[numbers] = np.where(alive, keys + batch.revisions.astype(np.uint64), 0)
        self._bank[numbers] = self._bank_codes(batch)
        self._id_table[numbers] = batch.ids
        gather(self.every, batch, "bank", numbers, one)
        if alive.all():
            gather_all(self.facets, batch, numbers)
        elif alive.any():
            rows = [row for row in batch.columns.rows() if row.revision is not None]
            gather_all(self.facets, Batch(columns_of(rows)), numbers[alive])
        self._log.append(batch.seqs, numbers)
        if self._settled:
            self._keep_tidy(batch.columns, known)

    def settle(self) -> None:
        """Order what came in another order; from here on rows come in the order of seq."""
        self._log.settle(self._seq)
        self._ids.build(self._numbers(), self._id_table)
        self._settled = True

    def find(self, question_id: bytes) -> Entry | None:
        """Return a question by its id."""
        number = self._ids.find(question_id, self._id_table)
        return None if number is None else self.entry(number)

    def entry(self, number: int) -> Entry:
        """Return a question by its number; KeyError where there is none."""
        if not 0 < number <= self.largest or not self._seq.item(number):
            raise KeyError(number)
        revision = self.revision(number) or None
        question_id = self._id_table[number].tobytes()
        return Entry(number, question_id, self.bank(number), revision)

    def bank(self, number: int) -> str:
        """Return the bank of a question that is or was public."""
        return self._names[self._bank.item(number)]

    def revision(self, number: int) -> int:
        """Return the live revision of a number, 0 for none."""
        return self._key_view[number] % REVISIONS_PER_NUMBER

    def keys(self, numbers: Sequence[int]) -> list[int]:
        """Return the keys of the live revisions of numbers, all of which have to be live."""
        view = self._key_view
        return [view[number] for number in numbers]

    def seq(self, number: int) -> int:
        """Return when a question changed last."""
        return self._seq.item(number)

    def ids(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the ids of numbers, in order."""
        return [self._id_table[number].tobytes() for number in numbers]

    def updated_after(self, members: BitMap, time: int) -> BitMap:
        """Return the members that were published again after a time."""
        numbers: Numbers = np.frombuffer(members.to_array(), np.uint32)
        return bitmap_of(numbers[self._updated[numbers] > time])

    def first(self, members: BitMap, *, after: int, last: int, limit: int) -> list[int]:
        """Return the members that changed first within after < seq <= last."""
        return self._log.first(self._seq, members, after=after, last=last, limit=limit)

    def latest(self, members: BitMap, *, before: int, limit: int) -> list[int]:
        """Return the members that changed last before a seq, the latest first."""
        return self._log.latest(self._seq, members, before=before, limit=limit)

    def _numbers(self) -> Numbers:
        return np.flatnonzero(self._seq[: self.largest + 1]).astype(np.uint32)

    def _forget(self, numbers: Numbers) -> None:
        """Take numbers out of every bitmap of what is live."""
        alive = numbers[self._key[numbers] > 0]
        if len(alive):
            gone = bitmap_of(alive)
            for bitmaps in self.facets.values():
                take_out(bitmaps, gone)

    def _keep_tidy(self, columns: Columns, known: npt.NDArray[np.bool_]) -> None:
        for place in np.flatnonzero(~known).tolist():
            self._ids.add(columns.id[place], columns.number[place])
        if self._ids.crowded:
            self._ids.build(self._numbers(), self._id_table)
        self._log.tidy(self._seq, sum(map(len, self.every.values())))

    def _bank_codes(self, batch: Batch) -> npt.NDArray[np.uint16]:
        banks = batch.distinct("bank")
        for bank in banks:
            if bank not in self._banks:
                self._banks[bank] = len(self._names)
                self._names.append(bank)
        codes = np.array([self._banks[bank] for bank in banks], np.uint16)
        return codes[batch.coded("bank")]

    def _make_room(self, largest: int) -> None:
        self.largest = max(self.largest, largest)
        have = len(self._seq)
        if largest < have:
            return
        room = max(largest + 1, 2 * have, ROOM)
        for name in ("_id_table", "_seq", "_updated", "_key", "_bank"):
            column = getattr(self, name)
            # Fresh zeros take no memory before they are written to.
            wider = np.zeros((room, *column.shape[1:]), column.dtype)
            wider[:have] = column
            setattr(self, name, wider)
        self._key_view = self._key.data
