"""Keeps question bodies compressed, for banks that do not fit their budget as they are."""

from array import array
from collections.abc import Iterable, Sequence

import zstandard

from app.catalog.bodies.byte_cache import REVISIONS, Budget, places_for

# Questions of one deployment resemble each other: with a dictionary a quarter of a body is left.
DICTIONARY = 32_768
# What the dictionary takes, with its tables for both directions; no less is worth it.
FIXED = 1 << 20
LEAST_BUDGET = 8 * FIXED
# Level 3 leaves as much as the slower ones, and unpacking what it left is no slower.
LEVEL = 3
# Bodies stand in blocks, each with this part of the budget, of at most 2**BLOCK_BITS bytes.
BLOCKS = 64
BLOCK_BITS = 20
# A place is one number: the block's, where in it, and how many bytes. 0 is none.
SIZE_BITS = 20
PLACE_BITS = BLOCK_BITS + SIZE_BITS
IN_BLOCK = (1 << BLOCK_BITS) - 1
IN_SIZE = (1 << SIZE_BITS) - 1
# Places for numbers take at most this part of the budget.
PLACES_PART = 8
# A body that cannot be compressed grows by so little.
GROWTH_PART = 128
GROWTH = 64


class Packer:
    """Compresses bodies like those of a sample; for one thread at a time."""

    def __init__(self, sample: Sequence[bytes]) -> None:
        """Learn from a sample; zstandard.ZstdError where it holds too little."""
        learned = zstandard.train_dictionary(DICTIONARY, list(sample)).as_bytes()
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL,
            source_size=sum(map(len, sample)) // len(sample),
            dict_size=len(learned),
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
            write_content_size=1,
            write_checksum=0,
            write_dict_id=0,
        )
        dictionary = zstandard.ZstdCompressionDict(learned)
        dictionary.precompute_compress(compression_params=parameters)
        self.pack = zstandard.ZstdCompressor(
            dict_data=dictionary, compression_params=parameters
        ).compress
        self.unpack = zstandard.ZstdDecompressor(
            dict_data=zstandard.ZstdCompressionDict(learned),
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        ).decompress


class PackedCache(Budget):
    """Bodies by (number, revision) within a budget of bytes; what came first goes first.

    An object and an entry of a dictionary for each would take more than the packed bytes: these
    stand in blocks instead, one revision of a number, found through arrays; whole blocks go.
    """

    def __init__(self, budget: int, largest: int, packer: Packer) -> None:
        """Keep at most `budget` bytes, of numbers that mostly are `largest` at most."""
        super().__init__(budget)
        self._packer = packer
        # Numbers that share a place drive each other out.
        slots = array("Q"), array("Q")
        each = sum(column.itemsize for column in slots)
        count = max(1, min(places_for(largest), budget // PLACES_PART // each))
        self._keys, self._places = (
            array(column.typecode, bytes(column.itemsize * count)) for column in slots
        )
        self._size = count * each + FIXED
        self._block_size = min(1 << BLOCK_BITS, budget // BLOCKS)
        self._open = bytearray()
        # What is cut out of bytes takes less time than out of an array that is still written to.
        self._blocks: dict[int, bytes | bytearray] = {0: self._open}
        self._order.append(0)
        self._newest = 0
        self._used = 0

    def many(self, keys: Sequence[int]) -> list[bytes | None]:
        """Return the bodies of keys, None for each that is not kept."""
        found: list[bytes | None] = []
        for key in keys:
            bodies = self.at((self.place(key),))
            found.append(None if bodies is None else bodies[0])
        return found

    def place(self, key: int) -> int:
        """Return where the body of a key stands; 0 where it is not kept."""
        slot = key // REVISIONS % len(self._keys)
        return self._places[slot] if self._keys[slot] == key else 0

    def at(self, places: Iterable[int]) -> list[bytes] | None:
        """Return the bodies that stand at places, in order; None where one is not kept any more."""
        blocks, unpack = self._blocks, self._packer.unpack
        found = []
        for place in places:
            block = blocks.get(place >> PLACE_BITS)
            if block is None or not place:
                return None
            start = place >> SIZE_BITS & IN_BLOCK
            found.append(unpack(block[start : start + (place & IN_SIZE)]))
        return found

    def has_room(self, value: bytes) -> bool:
        """Return whether nothing has to go for a body, however little it can be compressed."""
        largest = len(value) + len(value) // GROWTH_PART + GROWTH
        if self._used + largest <= len(self._open):
            return True
        return self._size + max(largest, self._block_size) <= self._budget

    def put(self, key: int, value: bytes) -> bool:
        """Keep a body, or not: once everything did not fit, only some are taken.

        Where a later revision is kept it stays. Return whether this one is kept now.
        """
        if not self._admits():
            return False
        slot = key // REVISIONS % len(self._keys)
        is_kept = self._places[slot] >> PLACE_BITS in self._blocks
        if is_kept and key <= self._keys[slot] < (key // REVISIONS + 1) * REVISIONS:
            return key == self._keys[slot]
        packed = self._packer.pack(value)
        if len(packed) > IN_SIZE or not self._make_room(len(packed)):
            return False
        start, self._used = self._used, self._used + len(packed)
        self._open[start : self._used] = packed
        self._keys[slot] = key
        self._places[slot] = self._newest << PLACE_BITS | start << SIZE_BITS | len(packed)
        return True

    def _make_room(self, size: int) -> bool:
        """Begin another block where the newest has no room; False for what is too large."""
        if self._used + size <= len(self._open):
            return True
        kept = sum(map(len, self._blocks.values()))
        taken = max(size, self._block_size)
        if self._size - kept + taken > self._budget:
            return False
        self._blocks[self._newest] = bytes(self._open)
        while self._size + taken > self._budget:
            self._is_full = True
            self._size -= len(self._blocks.pop(self._order.popleft()))
        self._newest += 1
        self._used = 0
        self._blocks[self._newest] = self._open = bytearray(taken)
        self._order.append(self._newest)
        self._size += taken
        return True


def packed_cache(
    budget: int, largest: int, expected: int, sample: Sequence[bytes]
) -> PackedCache | None:
    """Return a cache for bodies like those of a sample; None where they better stay as they are.

    `expected` is how many bytes all of them take uncompressed.
    """
    if budget < LEAST_BUDGET or expected <= budget:
        return None
    try:
        return PackedCache(budget, largest, Packer(sample))
    except zstandard.ZstdError:
        # Too few, too small or too strange to learn from.
        return None
