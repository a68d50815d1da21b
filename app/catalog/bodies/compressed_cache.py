"""A cache of compressed question bodies, for banks whose bodies do not fit the memory budget."""

from array import array
from collections.abc import Iterable, Sequence

import zstandard

from app.catalog.bodies.byte_cache import REVISIONS_PER_NUMBER, CacheBudget, slots_for

# The questions of one deployment resemble each other: a dictionary shrinks a body to a quarter.
DICTIONARY_BYTES = 32_768
# What the dictionary takes with its tables for both directions. A smaller budget is not worth it.
FIXED_BYTES = 1 << 20
MIN_BUDGET_BYTES = 8 * FIXED_BYTES
# Slower levels make bodies no smaller, and decompression is equally quick.
COMPRESSION_LEVEL = 3
# Bodies are stored in blocks of 1/BLOCK_COUNT of the budget, at most 2**BLOCK_BITS bytes each.
BLOCK_COUNT = 64
BLOCK_BITS = 20
# A location is one number: block, offset in the block, size. 0 means none.
SIZE_BITS = 20
LOCATION_BITS = BLOCK_BITS + SIZE_BITS
OFFSET_MASK = (1 << BLOCK_BITS) - 1
SIZE_MASK = (1 << SIZE_BITS) - 1
# Slots for numbers take at most 1/SLOTS_BUDGET_DIVISOR of the budget.
SLOTS_BUDGET_DIVISOR = 8
# The most by which an incompressible body grows: 1/GROWTH_DIVISOR of its size, and GROWTH_BYTES.
GROWTH_DIVISOR = 128
GROWTH_BYTES = 64


class BodyCompressor:
    """Compresses bodies like those of a sample. Not thread-safe."""

    def __init__(self, sample: Sequence[bytes]) -> None:
        """Train on a sample; zstandard.ZstdError if it contains too little."""
        trained = zstandard.train_dictionary(DICTIONARY_BYTES, list(sample)).as_bytes()
        parameters = zstandard.ZstdCompressionParameters.from_level(
            COMPRESSION_LEVEL,
            source_size=sum(map(len, sample)) // len(sample),
            dict_size=len(trained),
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
            write_content_size=1,
            write_checksum=0,
            write_dict_id=0,
        )
        dictionary = zstandard.ZstdCompressionDict(trained)
        dictionary.precompute_compress(compression_params=parameters)
        self.compress = zstandard.ZstdCompressor(
            dict_data=dictionary, compression_params=parameters
        ).compress
        self.decompress = zstandard.ZstdDecompressor(
            dict_data=zstandard.ZstdCompressionDict(trained),
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        ).decompress


class CompressedCache(CacheBudget):
    """Compressed bodies by body key, within a budget of bytes; the oldest are evicted first.

    A bytes object and a dictionary entry for each body would take more than the compressed bytes.
    So bodies are appended to blocks and found through arrays, with one revision for each number;
    eviction drops whole blocks.
    """

    def __init__(self, budget: int, largest_number: int, compressor: BodyCompressor) -> None:
        """Allow at most `budget` bytes; most numbers are `largest_number` at most."""
        super().__init__(budget)
        self._compressor = compressor
        # Numbers that share a slot evict each other.
        columns = array("Q"), array("Q")
        slot_bytes = sum(column.itemsize for column in columns)
        slots = max(1, min(slots_for(largest_number), budget // SLOTS_BUDGET_DIVISOR // slot_bytes))
        self._keys, self._locations = (
            array(column.typecode, bytes(column.itemsize * slots)) for column in columns
        )
        self._size = slots * slot_bytes + FIXED_BYTES
        self._block_size = min(1 << BLOCK_BITS, budget // BLOCK_COUNT)
        self._open_block = bytearray()
        # A full block becomes bytes: slicing those is quicker than slicing a bytearray.
        self._blocks: dict[int, bytes | bytearray] = {0: self._open_block}
        self._eviction_order.append(0)
        self._newest = 0
        self._used = 0

    def get_many(self, keys: Sequence[int]) -> list[bytes | None]:
        """Return the bodies of keys, None for each that is not cached."""
        found: list[bytes | None] = []
        for key in keys:
            bodies = self.read((self.locate(key),))
            found.append(None if bodies is None else bodies[0])
        return found

    def locate(self, key: int) -> int:
        """Return the location of a key's body; 0 if it is not cached."""
        slot = key // REVISIONS_PER_NUMBER % len(self._keys)
        return self._locations[slot] if self._keys[slot] == key else 0

    def read(self, locations: Iterable[int]) -> list[bytes] | None:
        """Return the bodies at locations, in order; None if one was evicted."""
        blocks, decompress = self._blocks, self._compressor.decompress
        found = []
        for location in locations:
            block = blocks.get(location >> LOCATION_BITS)
            if block is None or not location:
                return None
            start = location >> SIZE_BITS & OFFSET_MASK
            found.append(decompress(block[start : start + (location & SIZE_MASK)]))
        return found

    def has_room(self, value: bytes) -> bool:
        """Return whether a body fits without eviction, even if it cannot be compressed."""
        largest = len(value) + len(value) // GROWTH_DIVISOR + GROWTH_BYTES
        if self._used + largest <= len(self._open_block):
            return True
        return self._size + max(largest, self._block_size) <= self._budget

    def put(self, key: int, value: bytes) -> bool:
        """Offer a body to the cache; return whether it is cached afterwards.

        A later revision of the same number is not replaced.
        """
        if not self._admits():
            return False
        slot = key // REVISIONS_PER_NUMBER % len(self._keys)
        is_cached = self._locations[slot] >> LOCATION_BITS in self._blocks
        next_number = (key // REVISIONS_PER_NUMBER + 1) * REVISIONS_PER_NUMBER
        if is_cached and key <= self._keys[slot] < next_number:
            return key == self._keys[slot]
        compressed = self._compressor.compress(value)
        if len(compressed) > SIZE_MASK or not self._make_room(len(compressed)):
            return False
        start, self._used = self._used, self._used + len(compressed)
        self._open_block[start : self._used] = compressed
        self._keys[slot] = key
        self._locations[slot] = self._newest << LOCATION_BITS | start << SIZE_BITS | len(compressed)
        return True

    def _make_room(self, size: int) -> bool:
        """Start another block if the newest has no room; return False if `size` is too large."""
        if self._used + size <= len(self._open_block):
            return True
        block_bytes = sum(map(len, self._blocks.values()))
        new_bytes = max(size, self._block_size)
        if self._size - block_bytes + new_bytes > self._budget:
            return False
        self._blocks[self._newest] = bytes(self._open_block)
        while self._size + new_bytes > self._budget:
            self._has_evicted = True
            self._size -= len(self._blocks.pop(self._eviction_order.popleft()))
        self._newest += 1
        self._used = 0
        self._blocks[self._newest] = self._open_block = bytearray(new_bytes)
        self._eviction_order.append(self._newest)
        self._size += new_bytes
        return True


def make_compressed_cache(
    budget: int, largest_number: int, expected_bytes: int, sample: Sequence[bytes]
) -> CompressedCache | None:
    """Return a cache for bodies like those of a sample; None if compression does not help.

    `expected_bytes` is what all bodies take uncompressed.
    """
    if budget < MIN_BUDGET_BYTES or expected_bytes <= budget:
        return None
    try:
        return CompressedCache(budget, largest_number, BodyCompressor(sample))
    except zstandard.ZstdError:
        # The sample is too small, or has too little in common, to train a dictionary.
        return None
